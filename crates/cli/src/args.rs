//! What the user typed, and nothing more. What it means is worked out in `commands`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Args as Group, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use planner::id::{InstanceId, Region};
use planner::policy::MaxDeletes;

/// What `--sandbox` without a file stands for; no file can be called this.
pub const DEFAULT_WORLD: &str = ".";

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  nothing achieved
  2  usage or configuration, before any call
  3  some targets failed, the rest is done
  4  still in flight when patience ran out: run again, or `ami-backup resume`, to finish
  5  stopped for safety, before anything was changed
  130  interrupted; what was begun can be resumed";

/// Backs EC2 instances up as AMIs, copies them to other regions, and removes what has expired: images and snapshots
/// both, and never anything else.
#[derive(Debug, Parser)]
#[command(name = "ami-backup", version, after_help = EXIT_CODES, max_term_width = 100, args_override_self = true)]
pub struct Args {
    /// Say more on stderr; twice, and the requests to AWS are told too
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    ImageInstance(ImageInstance),
    PurgeExpiredAmis(PurgeExpiredAmis),
    Resume(Resume),
    Sandbox(Sandbox),
    IamPolicy(IamPolicy),
    Install(Install),
    /// Print a completion script for a shell
    Completions {
        shell: Shell,
    },
    /// Print the manual page
    Man,
    /// Print the JSON Schema of a report
    Schema {
        document: Document,
    },
}

/// How AWS is reached, and in what form the report comes.
#[derive(Debug, Group)]
pub struct Common {
    /// The profile of the AWS configuration to use; then credentials in the environment do not count
    #[arg(short, long, value_name = "PROFILE")]
    pub profile: Option<String>,
    /// Use the embedded toy EC2 whose world is kept in FILE (default: sandbox.json in the state directory)
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = DEFAULT_WORLD, env = "AMI_BACKUP_SANDBOX")]
    pub sandbox: Option<OsString>,
    /// Show what would be done, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
    /// Take this instant for now (only with --dry-run or --sandbox)
    #[arg(long, value_name = "INSTANT")]
    pub now: Option<String>,
}

/// How long to wait.
#[derive(Debug, Group)]
pub struct Waiting {
    /// Wait at most so many seconds; what is not done by then can be resumed
    #[arg(short, long = "timeout", value_name = "SECONDS", default_value_t = 28800, value_parser = clap::value_parser!(u32).range(1..))]
    pub timeout: u32,
    /// Do not wait for EC2 to finish; `ami-backup resume` makes the copies later
    #[arg(long)]
    pub no_wait: bool,
}

/// Make an image of an instance, with an expiry and copies in other regions
#[derive(Debug, Group)]
#[command(args_override_self = true)]
pub struct ImageInstance {
    /// The instance to back up (default: the one this runs on)
    #[arg(short, long, value_name = "INSTANCE_ID")]
    pub instance_id: Option<InstanceId>,
    /// The region of the instance (default: AWS_REGION, the metadata service, the profile)
    #[arg(short, long, value_name = "REGION")]
    pub region: Option<Region>,
    /// When the backup may be purged, as date(1) takes it: '+1 week', 'next month', '42 days' (default: never)
    #[arg(short, long = "expire", value_name = "EXPIRY", allow_hyphen_values = true)]
    pub expire: Option<String>,
    /// Copy the image to this region, too; several may be given
    #[arg(short = 'd', long = "copy-to", value_name = "REGION", value_delimiter = ',', action = ArgAction::Append)]
    pub copy_to: Vec<Region>,
    /// Encrypt the copies with the default key of their region
    #[arg(long)]
    pub encrypt: bool,
    /// Encrypt the copy in REGION with this key of that region
    #[arg(long, value_name = "REGION=ARN", action = ArgAction::Append)]
    pub kms_key: Vec<String>,
    /// Let EC2 reboot the instance, for a consistent file system
    #[arg(long)]
    pub reboot: bool,
    #[command(flatten)]
    pub waiting: Waiting,
    #[command(flatten)]
    pub common: Common,
}

/// Remove backups that have expired, their snapshots, and expired snapshots whose image is gone
#[derive(Debug, Group)]
#[command(args_override_self = true)]
pub struct PurgeExpiredAmis {
    /// The regions to purge (default: every region enabled for the account)
    #[arg(short, long, value_name = "REGION", value_delimiter = ',', action = ArgAction::Append)]
    pub region: Vec<Region>,
    /// Keep the newest N available backups of each instance in each region, expired or not
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub keep_last: u32,
    /// Delete nothing at all if more than so many (or so many percent) would be
    #[arg(long, value_name = "N|P%")]
    pub max_deletes: Option<MaxDeletes>,
    #[command(flatten)]
    pub common: Common,
}

/// Finish copies that an interrupted or impatient run left
#[derive(Debug, Group)]
#[command(args_override_self = true)]
pub struct Resume {
    /// The regions of the source images (default: every region enabled for the account)
    #[arg(short, long, value_name = "REGION", value_delimiter = ',', action = ArgAction::Append)]
    pub region: Vec<Region>,
    #[command(flatten)]
    pub waiting: Waiting,
    #[command(flatten)]
    pub common: Common,
}

/// Look at, move on or serve the embedded toy EC2
#[derive(Debug, Group)]
pub struct Sandbox {
    #[command(subcommand)]
    pub command: SandboxCommand,
}

#[derive(Debug, Subcommand)]
pub enum SandboxCommand {
    /// Show the instances, images and snapshots of the world
    Show {
        #[command(flatten)]
        world: World,
        /// Print the whole world as JSON
        #[arg(long)]
        json: bool,
    },
    /// Let time pass in the world: 90s, 30m, 8h, 8d, 2w
    Advance {
        /// How much
        #[arg(value_name = "DURATION")]
        by: String,
        #[command(flatten)]
        world: World,
    },
    /// Start the world afresh
    Reset {
        #[command(flatten)]
        world: World,
    },
    /// Serve a world to any EC2 client, on loopback only; the first line on stdout is its URL
    Serve {
        /// The address to listen on
        #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
        listen: std::net::SocketAddr,
        /// Keep the world in this file (default: in memory only)
        #[arg(long, value_name = "FILE")]
        state: Option<PathBuf>,
        /// How many times faster than EC2 resources change
        #[arg(long, value_name = "N", default_value_t = 1.0)]
        speed: f64,
    },
}

/// Which world.
#[derive(Debug, Group)]
pub struct World {
    /// The file the world is kept in (default: sandbox.json in the state directory)
    #[arg(long = "sandbox", value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = DEFAULT_WORLD, env = "AMI_BACKUP_SANDBOX")]
    pub file: Option<OsString>,
}

/// Print the least IAM policy that ami-backup needs
#[derive(Debug, Group)]
pub struct IamPolicy {
    /// For which of its work
    #[arg(long = "for", value_name = "WORK", default_value = "all")]
    pub work: Work,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Work {
    /// image-instance and resume
    Create,
    /// purge-expired-amis
    Purge,
    /// Both
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Document {
    /// Of image-instance and resume
    Image,
    /// Of purge-expired-amis
    Purge,
}

/// Install this binary, the links of the scripts' names, and a schedule
#[derive(Debug, Group)]
pub struct Install {
    /// Where the binary and its links go: PREFIX/bin
    #[arg(long, default_value = "/usr", value_name = "PREFIX")]
    pub prefix: PathBuf,
    /// Install below this directory instead of /, as packagers do
    #[arg(long, default_value = "/", value_name = "DIR")]
    pub root: PathBuf,
    /// Add /etc/cron.d/amicron, unless it is there
    #[arg(long)]
    pub cron: bool,
    /// Add systemd services and timers, unless they are there
    #[arg(long, conflicts_with = "cron")]
    pub systemd: bool,
}

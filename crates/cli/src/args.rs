//! What the user typed, and nothing more. What it means is worked out in `commands`.

#![expect(clippy::doc_markdown, reason = "the comments are the help, and a terminal shows backquotes as they are")]

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgAction, Args as Group, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use planner::id::{ImageId, InstanceId, InvalidId, Region, SeriesName};
use planner::policy::MaxDeletes;
use planner::policy::pattern::Pattern;
use planner::simulate::DateRange;

/// What `--sandbox` without a file stands for; no file can be called this.
pub const DEFAULT_WORLD: &str = ".";

const EXPIRY: &str = "\
The expiry is what date(1) takes. It is counted from the start of the run and read in this host's time zone:
  -e '+1 week'   -e 'next month'   -e '42 days'   -e '2026-12-24 18:00 UTC'

Examples:
  This instance, kept for a week:
    ami-backup image-instance -e '+1 week'
  Another one, kept for 42 days, with a copy in Ireland:
    ami-backup image-instance -i i-0123456789abcdef0 -r us-east-1 -e '42 days' -d eu-west-1";

const PURGING: &str = "\
Examples:
  What would go, and why everything else stays:
    ami-backup purge-expired-amis --dry-run
  Two regions, keeping the newest backup of each instance:
    ami-backup purge-expired-amis -r us-east-1,eu-west-1 --keep-last 1";

const AGES: &str = "\
Ages count from when a backup was due. Unless the policy says otherwise (warn-after, critical-after), status warns when a backup is
a quarter of the usual gap between two backups late, and is critical when it is a whole one more; no backup at all is critical.";

const LISTING: &str = "\
Examples:
  What has expired and is still there:
    ami-backup list --expired
  The largest backups of the web servers last:
    ami-backup list --name 'web-*' --sort size";

const SHOWING: &str = "\
A backup of a policy's series is judged as `plan` would judge it, by the same listings and checks; any other as `purge-expired-amis` \
would without `--keep-last`. When keep rules let a backup go is found out by replaying the policy from now on, as `simulate --observed` does.";

const RUNNING: &str = "\
It is safe to start this every five minutes, twice at once, and after any crash: a backup is made once, and a missed one is made up
for when it is started again (the newest one only). It deletes backups of its own series only.

Examples:
  What would be done, and why:
    ami-backup plan
  From cron:
    */15 * * * * root ami-backup run";

const SIMULATING: &str = "\
Every run is decided by what decides for `run`, and checked by what checks there. It is the best of worlds: each backup is made when \
it is due and is there at once, and nothing but the policy and a backup's own tags keeps one or lets it go. Backups of no series, which a \
policy leaves alone, are left out.

Examples:
  What a policy comes to in a year, without asking anybody:
    ami-backup simulate
  What becomes of the backups there are, if nothing runs over Christmas:
    ami-backup simulate --observed --miss 2026-12-24..26
  What a change of the policy would cost:
    ami-backup simulate --observed --policy new.toml --diff ami-backup.toml";

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  nothing achieved
  2  usage or configuration, before any call
  3  some targets failed, the rest is done
  4  still in flight when patience (-t) ran out: `ami-backup resume`, or the next run of a policy, finishes the copies
  5  stopped for safety: nothing was deleted
  130  interrupted; what was begun can be resumed";

/// Backs EC2 instances up as AMIs, copies them to other regions, and removes what has expired: images and snapshots
/// both, and never anything else.
#[derive(Debug, Parser)]
#[command(name = "ami-backup", bin_name = "ami-backup", version, propagate_version = true, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Args {
    /// Say more on stderr; -vv names each call to EC2, -vvv tells all that the AWS SDK has to say
    #[arg(short, long, global = true, display_order = 100, action = ArgAction::Count)]
    pub verbose: u8,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    ImageInstance(ImageInstance),
    PurgeExpiredAmis(PurgeExpiredAmis),
    Resume(Resume),
    Plan(Plan),
    Apply(Apply),
    Run(Run),
    Status(Status),
    List(List),
    Show(Show),
    Policy(PolicyCommands),
    Simulate(Simulate),
    Pin(Pin),
    Unpin(Unpin),
    Expire(Expire),
    Retire(Retire),
    Sandbox(Sandbox),
    IamPolicy(IamPolicy),
    Install(Install),
    /// Print a completion script for a shell
    Completions {
        /// For which shell
        shell: Shell,
    },
    /// Print the manual page
    Man,
    /// Print the JSON Schema of a --json document
    Schema {
        /// Of which command's
        document: Document,
    },
}

/// A region, also where a blank follows the comma of a list.
fn region(text: &str) -> Result<Region, InvalidId> {
    text.trim().parse()
}

/// How AWS is reached, and in what form the report comes.
#[derive(Debug, Group)]
pub struct Common {
    /// Use this profile of the AWS configuration, whatever credentials are in the environment
    #[arg(short, long, value_name = "PROFILE", value_parser = NonEmptyStringValueParser::new())]
    pub profile: Option<String>,
    /// Rehearse on an embedded toy EC2 instead of AWS; its world is kept in FILE (default:
    /// ~/.local/state/ami-backup/sandbox.json). AMI_BACKUP_SANDBOX=FILE in the environment does the same
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = DEFAULT_WORLD)]
    pub sandbox: Option<OsString>,
    /// Show what would be done, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print the report as one JSON document; `ami-backup schema` describes it
    #[arg(long)]
    pub json: bool,
    /// Act as if it were this instant, such as 2026-12-24T18:00:00Z (only with --dry-run or --sandbox)
    #[arg(long, value_name = "INSTANT")]
    pub now: Option<String>,
}

/// How long to wait.
#[derive(Debug, Group)]
pub struct Waiting {
    /// Wait at most this many seconds; `ami-backup resume`, or the next run of a policy, finishes what is not done by then (default: 28800, 8 hours)
    #[arg(short, long = "timeout", value_name = "SECONDS", default_value_t = 28800, hide_default_value = true, allow_negative_numbers = true, value_parser = seconds)]
    pub timeout: u32,
    /// Ask EC2 for what can be begun now, and do not wait; a later `ami-backup resume`, or the next run of a policy, makes the copies
    #[arg(long)]
    pub no_wait: bool,
}

/// Make an image of an instance, with an expiry and copies in other regions
#[derive(Debug, Group)]
#[command(args_override_self = true, after_help = EXPIRY)]
pub struct ImageInstance {
    /// The instance to back up (default: the one this runs on)
    #[arg(short, long, value_name = "INSTANCE_ID")]
    pub instance_id: Option<InstanceId>,
    /// The region of the instance (default: AWS_REGION, AWS_DEFAULT_REGION, the region this runs in, or the profile's)
    #[arg(short, long, value_name = "REGION")]
    pub region: Option<Region>,
    /// When the backup may be purged, such as '+1 week' or 'next month' (default: never)
    #[arg(short, long = "expire", value_name = "EXPIRY", allow_hyphen_values = true)]
    pub expire: Option<String>,
    /// Copy the image to this region, too; several are separated by commas, or -d is repeated
    #[arg(short = 'd', long = "copy-to", value_name = "REGION", value_delimiter = ',', value_parser = region, action = ArgAction::Append)]
    pub copy_to: Vec<Region>,
    /// Encrypt each copy with the default EBS key of its region
    #[arg(long)]
    pub encrypt: bool,
    /// Encrypt the copy in REGION with this KMS key of that region; may be repeated
    #[arg(long, value_name = "REGION=ARN", action = ArgAction::Append)]
    pub kms_key: Vec<String>,
    /// Let EC2 reboot the instance, so that its file systems are consistent (default: no reboot)
    #[arg(long)]
    pub reboot: bool,
    #[command(flatten)]
    pub waiting: Waiting,
    #[command(flatten)]
    pub common: Common,
}

/// Remove backups that have expired, their snapshots, and expired snapshots whose image is gone
#[derive(Debug, Group)]
#[command(args_override_self = true, after_help = PURGING)]
pub struct PurgeExpiredAmis {
    /// Purge this region only; several are separated by commas, or -r is repeated (default: every enabled region)
    #[arg(short, long, value_name = "REGION", value_delimiter = ',', value_parser = region, action = ArgAction::Append)]
    pub region: Vec<Region>,
    /// Keep the newest N available backups of each instance in each region, expired or not
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true, value_parser = count)]
    pub keep_last: u32,
    /// Delete nothing at all if more than N backups, or more than P percent of those seen, would go (default: no limit)
    #[arg(long, value_name = "N|P%", allow_negative_numbers = true)]
    pub max_deletes: Option<MaxDeletes>,
    /// Keep images that instances were launched from, too, as long as these are there
    #[arg(long)]
    pub keep_launched: bool,
    /// Where EC2 cannot be asked whether something is in use, locked or wanted, keep it (default: warn, and go on)
    #[arg(long)]
    pub require_checks: bool,
    #[command(flatten)]
    pub common: Common,
}

/// Make or finish the copies that an interrupted or impatient image-instance left
#[derive(Debug, Group)]
#[command(args_override_self = true)]
pub struct Resume {
    /// Look for unfinished copies of the images in this region only; may be repeated (default: every enabled region)
    #[arg(short, long, value_name = "REGION", value_delimiter = ',', value_parser = region, action = ArgAction::Append)]
    pub region: Vec<Region>,
    #[command(flatten)]
    pub waiting: Waiting,
    #[command(flatten)]
    pub common: Common,
}

/// How AWS is reached by what only looks, and in what form the answer comes.
#[derive(Debug, Group)]
pub struct Looking {
    /// Use this profile of the AWS configuration, whatever credentials are in the environment
    #[arg(short, long, value_name = "PROFILE", value_parser = NonEmptyStringValueParser::new())]
    pub profile: Option<String>,
    /// Look at an embedded toy EC2 instead of AWS; its world is kept in FILE (default:
    /// ~/.local/state/ami-backup/sandbox.json). AMI_BACKUP_SANDBOX=FILE in the environment does the same
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = DEFAULT_WORLD)]
    pub sandbox: Option<OsString>,
    /// Print the answer as one JSON document; `ami-backup schema` describes it
    #[arg(long)]
    pub json: bool,
    /// Act as if it were this instant, such as 2026-12-24T18:00:00Z
    #[arg(long, value_name = "INSTANT")]
    pub now: Option<String>,
}

/// Nothing is changed by looking.
impl From<Looking> for Common {
    fn from(Looking { profile, sandbox, json, now }: Looking) -> Self {
        Self { profile, sandbox, dry_run: true, json, now }
    }
}

/// Which policy.
#[derive(Debug, Group)]
pub struct PolicyFile {
    /// The policy (default: ./ami-backup.toml, else /etc/ami-backup.toml)
    #[arg(long = "policy", value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Do what a policy wants: make the backups that are due, finish copies, and remove what no keep rule wants any more
#[derive(Debug, Group)]
#[command(args_override_self = true, after_help = RUNNING)]
#[group(id = "running")]
pub struct Run {
    #[command(flatten)]
    pub policy: PolicyFile,
    /// Delete nothing at all if more than N backups, or more than P percent of those seen, would go (default: as the policy
    /// says, else no limit)
    #[arg(long, value_name = "N|P%", allow_negative_numbers = true)]
    pub max_deletes: Option<MaxDeletes>,
    /// Say nothing where all went well, as cron likes it
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    #[command(flatten)]
    pub waiting: Waiting,
    #[command(flatten)]
    pub common: Common,
}

/// Show what run would make, copy, keep and remove, each with its reason, and change nothing
#[derive(Debug, Group)]
#[group(id = "planning")]
pub struct Plan {
    #[command(flatten)]
    pub policy: PolicyFile,
    /// Show the refusal of run where more than N backups, or more than P percent of those seen, would go
    #[arg(long, value_name = "N|P%", allow_negative_numbers = true)]
    pub max_deletes: Option<MaxDeletes>,
    /// Write the plan to FILE, too, for apply
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub looking: Looking,
}

/// Do what a plan of plan -o says and nothing else, if all of it still holds; if anything has changed, do nothing
#[derive(Debug, Group)]
#[group(id = "applying")]
pub struct Apply {
    /// The plan
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    #[command(flatten)]
    pub policy: PolicyFile,
    #[command(flatten)]
    pub waiting: Waiting,
    #[command(flatten)]
    pub common: Common,
}

/// Say of every instance of a policy how old its newest good backup and its newest copies are, and which instances have none
#[derive(Debug, Group)]
#[command(after_help = AGES)]
#[group(id = "fresh")]
pub struct Status {
    #[command(flatten)]
    pub policy: PolicyFile,
    /// Print one line, and exit as a Nagios plugin does: 0 OK, 1 warning, 2 critical, 3 unknown
    #[arg(long, conflicts_with = "json")]
    pub nagios: bool,
    /// Write metrics to FILE, for the textfile collector of Prometheus's node exporter
    #[arg(long, value_name = "FILE")]
    pub prometheus: Option<PathBuf>,
    #[command(flatten)]
    pub looking: Looking,
}

/// List the backups there are
#[derive(Debug, Group)]
#[command(after_help = LISTING)]
#[group(id = "listed")]
pub struct List {
    /// In this region only; several are separated by commas, or -r is repeated (default: every enabled region)
    #[arg(short, long, value_name = "REGION", value_delimiter = ',', value_parser = region, action = ArgAction::Append)]
    pub region: Vec<Region>,
    /// Of this instance only
    #[arg(short, long, value_name = "INSTANCE_ID")]
    pub instance: Option<InstanceId>,
    /// Of this series only
    #[arg(long, value_name = "NAME")]
    pub series: Option<SeriesName>,
    /// Of instances of this name only, in which * stands for any text
    #[arg(long, value_name = "NAME")]
    pub name: Option<Pattern>,
    /// In this state only; several are separated by commas, or --state is repeated
    #[arg(long, value_name = "STATE", value_delimiter = ',', action = ArgAction::Append)]
    pub state: Vec<State>,
    /// Only those whose expiry is past
    #[arg(long, conflicts_with = "expires_before")]
    pub expired: bool,
    /// Only those that expire before then, such as '+1 week' or '2026-12-24 18:00 UTC'
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    pub expires_before: Option<String>,
    /// Sort by this: the instance's name and then age (the default), the slot (the oldest first), the region, the expiry (what has none
    /// last), or the size
    #[arg(long, value_name = "ORDER", default_value = "instance", hide_default_value = true)]
    pub sort: Sort,
    /// Sort the other way round
    #[arg(long)]
    pub reverse: bool,
    /// In every account of this policy (default: in that of the program's own credentials)
    #[arg(long = "policy", value_name = "FILE")]
    pub policy: Option<PathBuf>,
    #[command(flatten)]
    pub looking: Looking,
}

/// By what backups are listed. What is alike is by instance and age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    Instance,
    Slot,
    Region,
    Expiry,
    Size,
}

/// Where an image stands, by the names that `list` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum State {
    Pending,
    Available,
    Disabled,
    Failed,
    Unusable,
}

/// Show all there is to know of one backup, whether it would be kept or purged now and why, and when it goes
#[derive(Debug, Group)]
#[command(after_help = SHOWING)]
#[group(id = "looked_at")]
pub struct Show {
    #[command(flatten)]
    pub backup: Backup,
    /// Judge by this policy, and look in all its accounts (default: by ./ami-backup.toml, else /etc/ami-backup.toml, if one is there,
    /// in the account of the program's own credentials)
    #[arg(long = "policy", value_name = "FILE")]
    pub policy: Option<PathBuf>,
    #[command(flatten)]
    pub looking: Looking,
}

/// Which backup, and where.
#[derive(Debug, Group)]
#[group(id = "backup")]
pub struct Backup {
    /// The image of the backup
    #[arg(value_name = "BACKUP")]
    pub image: ImageId,
    /// The region it is in (default: it is looked for in every enabled region)
    #[arg(short, long, value_name = "REGION", value_delimiter = ',', value_parser = region, action = ArgAction::Append)]
    pub region: Vec<Region>,
}

/// Keep a backup whatever its expiry or a policy says, until it is unpinned
#[derive(Debug, Group)]
pub struct Pin {
    #[command(flatten)]
    pub backup: Backup,
    /// Why, for those who find it later (256 characters at most)
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub why: String,
    #[command(flatten)]
    pub common: Common,
}

/// Let a backup that was pinned go when its time comes
#[derive(Debug, Group)]
pub struct Unpin {
    #[command(flatten)]
    pub backup: Backup,
    #[command(flatten)]
    pub common: Common,
}

/// Give a backup another expiry, or none
#[derive(Debug, Group)]
pub struct Expire {
    #[command(flatten)]
    pub backup: Backup,
    /// When it may be purged, such as '+1 week' or '2026-12-24 18:00 UTC'; never takes its expiry away
    #[arg(value_name = "WHEN", allow_hyphen_values = true)]
    pub when: String,
    #[command(flatten)]
    pub common: Common,
}

/// Let the backups of an instance that is gone go: what its policy made of it gets an expiry, the last good one included
#[derive(Debug, Group)]
pub struct Retire {
    /// The instance
    #[arg(value_name = "INSTANCE_ID")]
    pub instance: InstanceId,
    /// When its backups may be purged, such as '+1 month' or '2026-12-24 18:00 UTC'
    #[arg(value_name = "WHEN", allow_hyphen_values = true)]
    pub when: String,
    /// Do it; without this it is only shown
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub common: Common,
}

/// Replay a policy over time: how many backups it keeps, what they take, how far back they reach, and what goes for good
#[derive(Debug, Group)]
#[command(after_help = SIMULATING)]
#[group(id = "simulated")]
pub struct Simulate {
    #[command(flatten)]
    pub policy: PolicyFile,
    /// Replay this policy, too, and say what each would delete that the other keeps
    #[arg(long, value_name = "FILE")]
    pub diff: Option<PathBuf>,
    /// For so many days
    #[arg(long, value_name = "N", default_value_t = 365, allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=3660))]
    pub days: u32,
    /// Let nothing run on these days, in the time zone of each target: 2026-12-24, 2026-12-24..26, 2026-12-24..2027-01-02; may be
    /// repeated
    #[arg(long, value_name = "DAYS", action = ArgAction::Append)]
    pub miss: Vec<DateRange>,
    /// Begin with the instances and backups that EC2 shows (default: with invented instances and no backup)
    #[arg(long)]
    pub observed: bool,
    /// Look at this account of the policy (default: the one of the program's own credentials)
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Begin with the instances and backups of the toy EC2 in this file: one that --sandbox keeps, or one written down in TOML as
    /// for `sandbox serve --world`
    #[arg(long, value_name = "WORLD", conflicts_with = "observed")]
    pub from: Option<PathBuf>,
    /// Invent so many instances of each target
    #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true, conflicts_with_all = ["observed", "from"], value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub instances: u32,
    /// Let each invented instance have volumes of so many GiB (default: nobody knows, and no GiB are told)
    #[arg(long, value_name = "N", allow_negative_numbers = true, conflicts_with_all = ["observed", "from"], value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub gib: Option<u64>,
    #[command(flatten)]
    pub looking: Looking,
}

/// Check a policy file, or say what it means for an instance
#[derive(Debug, Group)]
pub struct PolicyCommands {
    #[command(subcommand)]
    pub command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Read a policy, say everything that is wrong with it, and show its targets
    Check {
        #[command(flatten)]
        policy: PolicyFile,
        /// Print the answer as one JSON document; `ami-backup schema` describes it
        #[arg(long)]
        json: bool,
    },
    /// Show what a policy says for an instance, and who says it: defaults, template, target, or a tag of the instance
    Show(PolicyShow),
    /// Print the JSON Schema of policy files, with which editors help to write them
    Schema,
}

/// What is shown of a policy.
#[derive(Debug, Group)]
#[group(id = "shown")]
pub struct PolicyShow {
    /// The instance
    #[arg(value_name = "INSTANCE", required_unless_present = "target", conflicts_with = "target")]
    pub instance: Option<InstanceId>,
    /// Show what holds for this target, without asking EC2 for an instance
    #[arg(long, value_name = "NAME")]
    pub target: Option<SeriesName>,
    /// The region of the instance (default: it is looked for in every enabled region)
    #[arg(short, long, value_name = "REGION")]
    pub region: Option<Region>,
    #[command(flatten)]
    pub policy: PolicyFile,
    #[command(flatten)]
    pub looking: Looking,
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
    /// Let time pass in the world
    Advance {
        /// How much: 90s, 30m, 8h, 8d, 2w, or several of these together
        #[arg(value_name = "DURATION", allow_hyphen_values = true)]
        by: String,
        #[command(flatten)]
        world: World,
    },
    /// Start the world afresh
    Reset {
        /// Begin with the world that is written down in this file, in TOML (default: three instances in two regions)
        #[arg(long = "world", value_name = "FILE")]
        written: Option<PathBuf>,
        #[command(flatten)]
        world: World,
    },
    /// Serve a world to any EC2 client, on loopback only; the first line on stdout is its URL
    Serve(Serve),
}

/// What is served, and how.
#[derive(Debug, Group)]
pub struct Serve {
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub listen: std::net::SocketAddr,
    /// Keep the world in this file (default: in memory only)
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Begin with the world that is written down in this file, in TOML, unless --state holds one already
    #[arg(long, value_name = "FILE")]
    pub world: Option<PathBuf>,
    /// Let images and snapshots be made N times as fast as on EC2 (default: 1, or as --world says)
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub speed: Option<f64>,
    /// Let happen to the calls, and to the world, what is written down in this file, in TOML
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
    /// Let faults by chance strike other calls for another N
    #[arg(long, value_name = "N", default_value_t = 1, requires = "faults")]
    pub seed: u64,
}

/// Which world.
#[derive(Debug, Group)]
pub struct World {
    /// The file the world is kept in (default: AMI_BACKUP_SANDBOX, or ~/.local/state/ami-backup/sandbox.json)
    #[arg(long = "sandbox", value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = DEFAULT_WORLD)]
    pub file: Option<OsString>,
}

/// Print the least IAM policy that ami-backup needs
#[derive(Debug, Group)]
pub struct IamPolicy {
    /// For which of its work
    #[arg(long = "for", value_name = "WORK", default_value = "all")]
    pub work: Work,
    /// Whose accounts the hub enters (default: ./ami-backup.toml, else /etc/ami-backup.toml)
    #[arg(long = "policy", value_name = "FILE")]
    pub policy: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Work {
    /// image-instance and resume
    Create,
    /// purge-expired-amis
    Purge,
    /// All of image-instance, resume and purge-expired-amis
    All,
    /// What all commands need: run and the others that act by a policy, pin, unpin and expire, too
    Policy,
    /// The same in the account of the program's own credentials, from which the roles of a policy's other accounts are assumed
    Hub,
    /// The same for such a role in another account
    Member,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Document {
    /// Of image-instance and resume
    Image,
    /// Of purge-expired-amis
    Purge,
    /// Of list and show
    List,
    /// Of status
    Status,
    /// Of run, plan and apply
    Run,
    /// What plan -o writes
    Plan,
    /// Of simulate
    Simulate,
    /// Of pin, unpin and expire
    Retag,
    /// Of retire
    Retire,
    /// Of policy check
    PolicyCheck,
    /// Of policy show
    PolicyShow,
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

fn seconds(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|seconds| *seconds > 0);
    number.ok_or_else(|| "it must be a number of seconds, 1 or more, such as 28800".to_owned())
}

fn count(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| "it must be a whole number, 0 or more".to_owned())
}

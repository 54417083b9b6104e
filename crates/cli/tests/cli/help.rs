//! The help, as somebody reads it at three in the morning.

use insta::assert_snapshot;

use crate::common::Home;

fn help(command: &[&str]) -> String {
    Home::new().ami_backup(&[command, &["--help"]].concat()).run().stdout
}

#[test]
fn of_the_program() {
    assert_snapshot!(help(&[]), @"
    Backs EC2 instances up as AMIs, copies them to other regions, and removes what has expired: images
    and snapshots both, and never anything else

    Usage: ami-backup [OPTIONS] <COMMAND>

    Commands:
      image-instance      Make an image of an instance, with an expiry and copies in other regions
      purge-expired-amis  Remove backups that have expired, their snapshots, and expired snapshots whose
                          image is gone
      resume              Make or finish the copies that an interrupted or impatient image-instance left
      plan                Show what run would make, copy, keep and remove, each with its reason, and
                          change nothing
      apply               Do what a plan of plan -o says and nothing else, if all of it still holds; if
                          anything has changed, do nothing
      run                 Do what a policy wants: make the backups that are due, finish copies, and
                          remove what no keep rule wants any more
      status              Say of every instance of a policy how old its newest good backup and its
                          newest copies are, and which instances have none
      list                List the backups there are
      show                Show all there is to know of one backup, whether it would be kept or purged
                          now and why, and when it goes
      policy              Check a policy file, or say what it means for an instance
      simulate            Replay a policy over time: how many backups it keeps, what they take, how far
                          back they reach, and what goes for good
      pin                 Keep a backup whatever its expiry or a policy says, until it is unpinned
      unpin               Let a backup that was pinned go when its time comes
      expire              Give a backup another expiry, or none
      retire              Let the backups of an instance that is gone go: what its policy made of it
                          gets an expiry, the last good one included
      sandbox             Look at, move on or serve the embedded toy EC2
      iam-policy          Print the least IAM policy that ami-backup needs
      install             Install this binary, the links of the scripts' names, and a schedule
      completions         Print a completion script for a shell
      man                 Print the manual page
      schema              Print the JSON Schema of a --json document
      help                Print this message or the help of the given subcommand(s)

    Options:
      -v, --verbose...  Say more on stderr; -vv names each call to EC2, -vvv tells all that the AWS SDK
                        has to say
      -h, --help        Print help
      -V, --version     Print version

    Exit codes:
      0  done
      1  nothing achieved
      2  usage or configuration, before any call
      3  some targets failed, the rest is done
      4  still in flight when patience (-t) ran out: `ami-backup resume`, or the next run of a policy,
      finishes the copies
      5  stopped for safety: nothing was deleted
      130  interrupted; what was begun can be resumed
    ");
}

#[test]
fn of_image_instance() {
    assert_snapshot!(help(&["image-instance"]), @"
    Make an image of an instance, with an expiry and copies in other regions

    Usage: ami-backup image-instance [OPTIONS]

    Options:
      -i, --instance-id <INSTANCE_ID>  The instance to back up (default: the one this runs on)
      -r, --region <REGION>            The region of the instance (default: AWS_REGION,
                                       AWS_DEFAULT_REGION, the region this runs in, or the profile's)
      -e, --expire <EXPIRY>            When the backup may be purged, such as '+1 week' or 'next month'
                                       (default: never)
      -d, --copy-to <REGION>           Copy the image to this region, too; several are separated by
                                       commas, or -d is repeated
          --encrypt                    Encrypt each copy with the default EBS key of its region
          --kms-key <REGION=ARN>       Encrypt the copy in REGION with this KMS key of that region; may
                                       be repeated
          --reboot                     Let EC2 reboot the instance, so that its file systems are
                                       consistent (default: no reboot)
      -t, --timeout <SECONDS>          Wait at most this many seconds; `ami-backup resume`, or the next
                                       run of a policy, finishes what is not done by then (default:
                                       28800, 8 hours)
          --no-wait                    Ask EC2 for what can be begun now, and do not wait; a later
                                       `ami-backup resume`, or the next run of a policy, makes the
                                       copies
      -p, --profile <PROFILE>          Use this profile of the AWS configuration, whatever credentials
                                       are in the environment
          --sandbox[=<FILE>]           Rehearse on an embedded toy EC2 instead of AWS; its world is kept
                                       in FILE (default: ~/.local/state/ami-backup/sandbox.json).
                                       AMI_BACKUP_SANDBOX=FILE in the environment does the same
          --dry-run                    Show what would be done, and change nothing
          --json                       Print the report as one JSON document; `ami-backup schema`
                                       describes it
          --now <INSTANT>              Act as if it were this instant, such as 2026-12-24T18:00:00Z
                                       (only with --dry-run or --sandbox)
      -v, --verbose...                 Say more on stderr; -vv names each call to EC2, -vvv tells all
                                       that the AWS SDK has to say
      -h, --help                       Print help
      -V, --version                    Print version

    The expiry is what date(1) takes. It is counted from the start of the run and read in this host's
    time zone:
      -e '+1 week'   -e 'next month'   -e '42 days'   -e '2026-12-24 18:00 UTC'

    Examples:
      This instance, kept for a week:
        ami-backup image-instance -e '+1 week'
      Another one, kept for 42 days, with a copy in Ireland:
        ami-backup image-instance -i i-0123456789abcdef0 -r us-east-1 -e '42 days' -d eu-west-1
    ");
}

#[test]
fn of_purge_expired_amis() {
    assert_snapshot!(help(&["purge-expired-amis"]), @"
    Remove backups that have expired, their snapshots, and expired snapshots whose image is gone

    Usage: ami-backup purge-expired-amis [OPTIONS]

    Options:
      -r, --region <REGION>     Purge this region only; several are separated by commas, or -r is
                                repeated (default: every enabled region)
          --keep-last <N>       Keep the newest N available backups of each instance in each region,
                                expired or not [default: 0]
          --max-deletes <N|P%>  Delete nothing at all if more than N backups, or more than P percent of
                                those seen, would go (default: no limit)
          --keep-launched       Keep images that instances were launched from, too, as long as these are
                                there
          --require-checks      Where EC2 cannot be asked whether something is in use, locked or wanted,
                                keep it (default: warn, and go on)
      -p, --profile <PROFILE>   Use this profile of the AWS configuration, whatever credentials are in
                                the environment
          --sandbox[=<FILE>]    Rehearse on an embedded toy EC2 instead of AWS; its world is kept in
                                FILE (default: ~/.local/state/ami-backup/sandbox.json).
                                AMI_BACKUP_SANDBOX=FILE in the environment does the same
          --dry-run             Show what would be done, and change nothing
          --json                Print the report as one JSON document; `ami-backup schema` describes it
          --now <INSTANT>       Act as if it were this instant, such as 2026-12-24T18:00:00Z (only with
                                --dry-run or --sandbox)
      -v, --verbose...          Say more on stderr; -vv names each call to EC2, -vvv tells all that the
                                AWS SDK has to say
      -h, --help                Print help
      -V, --version             Print version

    Examples:
      What would go, and why everything else stays:
        ami-backup purge-expired-amis --dry-run
      Two regions, keeping the newest backup of each instance:
        ami-backup purge-expired-amis -r us-east-1,eu-west-1 --keep-last 1
    ");
}

#[test]
fn of_resume() {
    assert_snapshot!(help(&["resume"]), @"
    Make or finish the copies that an interrupted or impatient image-instance left

    Usage: ami-backup resume [OPTIONS]

    Options:
      -r, --region <REGION>    Look for unfinished copies of the images in this region only; may be
                               repeated (default: every enabled region)
      -t, --timeout <SECONDS>  Wait at most this many seconds; `ami-backup resume`, or the next run of a
                               policy, finishes what is not done by then (default: 28800, 8 hours)
          --no-wait            Ask EC2 for what can be begun now, and do not wait; a later `ami-backup
                               resume`, or the next run of a policy, makes the copies
      -p, --profile <PROFILE>  Use this profile of the AWS configuration, whatever credentials are in
                               the environment
          --sandbox[=<FILE>]   Rehearse on an embedded toy EC2 instead of AWS; its world is kept in FILE
                               (default: ~/.local/state/ami-backup/sandbox.json).
                               AMI_BACKUP_SANDBOX=FILE in the environment does the same
          --dry-run            Show what would be done, and change nothing
          --json               Print the report as one JSON document; `ami-backup schema` describes it
          --now <INSTANT>      Act as if it were this instant, such as 2026-12-24T18:00:00Z (only with
                               --dry-run or --sandbox)
      -v, --verbose...         Say more on stderr; -vv names each call to EC2, -vvv tells all that the
                               AWS SDK has to say
      -h, --help               Print help
      -V, --version            Print version
    ");
}

#[test]
fn of_simulate() {
    assert_snapshot!(help(&["simulate"]), @"
    Replay a policy over time: how many backups it keeps, what they take, how far back they reach, and
    what goes for good

    Usage: ami-backup simulate [OPTIONS]

    Options:
          --policy <FILE>      The policy (default: ./ami-backup.toml, else /etc/ami-backup.toml)
          --diff <FILE>        Replay this policy, too, and say what each would delete that the other
                               keeps
          --days <N>           For so many days [default: 365]
          --miss <DAYS>        Let nothing run on these days, in the time zone of each target:
                               2026-12-24, 2026-12-24..26, 2026-12-24..2027-01-02; may be repeated
          --observed           Begin with the instances and backups that EC2 shows (default: with
                               invented instances and no backup)
          --account <NAME>     Look at this account of the policy (default: the one of the program's own
                               credentials)
          --from <WORLD>       Begin with the instances and backups of the toy EC2 in this file: one
                               that --sandbox keeps, or one written down in TOML as for `sandbox serve
                               --world`
          --instances <N>      Invent so many instances of each target [default: 1]
          --gib <N>            Let each invented instance have volumes of so many GiB (default: nobody
                               knows, and no GiB are told)
      -p, --profile <PROFILE>  Use this profile of the AWS configuration, whatever credentials are in
                               the environment
          --sandbox[=<FILE>]   Look at an embedded toy EC2 instead of AWS; its world is kept in FILE
                               (default: ~/.local/state/ami-backup/sandbox.json).
                               AMI_BACKUP_SANDBOX=FILE in the environment does the same
          --json               Print the answer as one JSON document; `ami-backup schema` describes it
          --now <INSTANT>      Act as if it were this instant, such as 2026-12-24T18:00:00Z
      -v, --verbose...         Say more on stderr; -vv names each call to EC2, -vvv tells all that the
                               AWS SDK has to say
      -h, --help               Print help
      -V, --version            Print version

    Every run is decided by what decides for `run`, and checked by what checks there. It is the best of
    worlds: each backup is made when it is due and is there at once, and nothing but the policy and a
    backup's own tags keeps one or lets it go. Backups of no series, which a policy leaves alone, are
    left out.

    Examples:
      What a policy comes to in a year, without asking anybody:
        ami-backup simulate
      What becomes of the backups there are, if nothing runs over Christmas:
        ami-backup simulate --observed --miss 2026-12-24..26
      What a change of the policy would cost:
        ami-backup simulate --observed --policy new.toml --diff ami-backup.toml
    ");
}

#[test]
fn of_what_there_is() {
    assert_snapshot!(help(&["list"]), @"
    List the backups there are

    Usage: ami-backup list [OPTIONS]

    Options:
      -r, --region <REGION>         In this region only; several are separated by commas, or -r is
                                    repeated (default: every enabled region)
      -i, --instance <INSTANCE_ID>  Of this instance only
          --series <NAME>           Of this series only
          --name <NAME>             Of instances of this name only, in which * stands for any text
          --state <STATE>           In this state only; several are separated by commas, or --state is
                                    repeated [possible values: pending, available, disabled, failed,
                                    unusable]
          --expired                 Only those whose expiry is past
          --expires-before <WHEN>   Only those that expire before then, such as '+1 week' or '2026-12-24
                                    18:00 UTC'
          --sort <ORDER>            Sort by this: the instance's name and then age (the default), the
                                    slot (the oldest first), the region, the expiry (what has none
                                    last), or the size [possible values: instance, slot, region, expiry,
                                    size]
          --reverse                 Sort the other way round
          --policy <FILE>           In every account of this policy (default: in that of the program's
                                    own credentials)
      -p, --profile <PROFILE>       Use this profile of the AWS configuration, whatever credentials are
                                    in the environment
          --sandbox[=<FILE>]        Look at an embedded toy EC2 instead of AWS; its world is kept in
                                    FILE (default: ~/.local/state/ami-backup/sandbox.json).
                                    AMI_BACKUP_SANDBOX=FILE in the environment does the same
          --json                    Print the answer as one JSON document; `ami-backup schema` describes
                                    it
          --now <INSTANT>           Act as if it were this instant, such as 2026-12-24T18:00:00Z
      -v, --verbose...              Say more on stderr; -vv names each call to EC2, -vvv tells all that
                                    the AWS SDK has to say
      -h, --help                    Print help
      -V, --version                 Print version

    Examples:
      What has expired and is still there:
        ami-backup list --expired
      The largest backups of the web servers last:
        ami-backup list --name 'web-*' --sort size
    ");
    assert_snapshot!(help(&["show"]), @"
    Show all there is to know of one backup, whether it would be kept or purged now and why, and when it
    goes

    Usage: ami-backup show [OPTIONS] <BACKUP>

    Arguments:
      <BACKUP>  The image of the backup

    Options:
      -r, --region <REGION>    The region it is in (default: it is looked for in every enabled region)
          --policy <FILE>      Judge by this policy, and look in all its accounts (default: by
                               ./ami-backup.toml, else /etc/ami-backup.toml, if one is there, in the
                               account of the program's own credentials)
      -p, --profile <PROFILE>  Use this profile of the AWS configuration, whatever credentials are in
                               the environment
          --sandbox[=<FILE>]   Look at an embedded toy EC2 instead of AWS; its world is kept in FILE
                               (default: ~/.local/state/ami-backup/sandbox.json).
                               AMI_BACKUP_SANDBOX=FILE in the environment does the same
          --json               Print the answer as one JSON document; `ami-backup schema` describes it
          --now <INSTANT>      Act as if it were this instant, such as 2026-12-24T18:00:00Z
      -v, --verbose...         Say more on stderr; -vv names each call to EC2, -vvv tells all that the
                               AWS SDK has to say
      -h, --help               Print help
      -V, --version            Print version

    A backup of a policy's series is judged as `plan` would judge it, by the same listings and checks;
    any other as `purge-expired-amis` would without `--keep-last`. When keep rules let a backup go is
    found out by replaying the policy from now on, as `simulate --observed` does.
    ");
}

#[test]
fn of_the_sandbox() {
    assert_snapshot!(help(&["sandbox"]), @"
    Look at, move on or serve the embedded toy EC2

    Usage: ami-backup sandbox [OPTIONS] <COMMAND>

    Commands:
      show     Show the instances, images and snapshots of the world
      advance  Let time pass in the world
      reset    Start the world afresh
      serve    Serve a world to any EC2 client, on loopback only; the first line on stdout is its URL
      help     Print this message or the help of the given subcommand(s)

    Options:
      -v, --verbose...  Say more on stderr; -vv names each call to EC2, -vvv tells all that the AWS SDK
                        has to say
      -h, --help        Print help
      -V, --version     Print version
    ");
    assert_snapshot!(help(&["sandbox", "serve"]), @"
    Serve a world to any EC2 client, on loopback only; the first line on stdout is its URL

    Usage: ami-backup sandbox serve [OPTIONS]

    Options:
          --listen <ADDRESS:PORT>  The address to listen on [default: 127.0.0.1:0]
          --state <FILE>           Keep the world in this file (default: in memory only)
          --world <FILE>           Begin with the world that is written down in this file, in TOML,
                                   unless --state holds one already
          --speed <N>              Let images and snapshots be made N times as fast as on EC2 (default:
                                   1, or as --world says)
          --faults <FILE>          Let happen to the calls, and to the world, what is written down in
                                   this file, in TOML
          --seed <N>               Let faults by chance strike other calls for another N [default: 1]
      -v, --verbose...             Say more on stderr; -vv names each call to EC2, -vvv tells all that
                                   the AWS SDK has to say
      -h, --help                   Print help
      -V, --version                Print version
    ");
}

//! What the proof once found and what is repaired since, each as the smallest life that shows it. They are data, and no seeds: another
//! generator makes other stories of the same seeds. The engine's own tests hold most of them by name, too.

use ec2_sim::{Fault, FaultKind, Which};
use jiff::SignedDuration;
use planner::policy::PurgePolicy;
use planner::tags::Encryption;

use crate::command::{Command, Line, What};
use crate::expiry::Written;
use crate::known::{REGIONS, WEB, noon};
use crate::process::Start;
use crate::story::{Act, Case, Step};
use crate::trouble::Trouble;
use crate::world::thing::{Hold, Referrer};
use crate::world::{Account, Manner, Thing};

/// What was found, and a life in which it would be found again.
pub fn cases() -> Vec<(&'static str, Case)> {
    let lost = || struck("CreateImage", Which::Nth(1), FaultKind::LostAnswer);
    vec![
        (
            "a listing that broke off was believed, and a backup went without a verdict",
            purge(vec![struck("DescribeImages", Which::First(100), FaultKind::Truncated)]),
        ),
        (
            "an image was made, and the permission to look was gone: it said that there was none",
            image(8 * 3600, vec![lost(), struck("DescribeImages", Which::From(2), denied())]),
        ),
        (
            "an image was made, and patience ran out: it said that nothing was achieved",
            image(1, vec![struck("CreateImage", Which::First(100), FaultKind::internal_error().after_effect())]),
        ),
        (
            "a source was missing from a listing that broke off: it said that its copies were done",
            resume(vec![struck("DescribeImages", Which::Nth(1), FaultKind::ResetMidBody { after_bytes: 300 })]),
        ),
        (
            "a source had been put into the archive, and its copy was asked for every thirty seconds for hours",
            resume_of(
                Thing { is_archived: true, ..Thing::backup(1) },
                vec![struck("DescribeImages", Which::Nth(1), FaultKind::unavailable())],
            ),
        ),
        (
            "an image was made by an attempt without an answer, its name was taken, and patience ran out",
            with(Manner::VisibilityLag(20), image(1, vec![lost()])),
        ),
        (
            "an image was made, and the answer broke off: it said that there was none",
            image(8 * 3600, vec![struck("CreateImage", Which::First(100), FaultKind::ResetMidBody { after_bytes: 100 })]),
        ),
        (
            "an image was made, its name was taken, and nobody could look until patience ran out",
            image(300, vec![lost(), struck("DescribeImages", Which::From(2), FaultKind::internal_error())]),
        ),
        (
            "an image was made, and the answer said that EC2 was unavailable",
            image(8 * 3600, vec![struck("CreateImage", Which::First(100), FaultKind::unavailable().after_effect())]),
        ),
        (
            "EC2 was too busy to tell of a launch template, and the image it names went",
            purge_of(
                vec![Thing { referred: Some(Referrer::DefaultVersion), ..expired(1) }],
                vec![struck("DescribeImageReferences", Which::First(8), FaultKind::throttled())],
            ),
        ),
        (
            "the credentials had expired for the question after locks, and a locked backup went",
            purge_of(
                vec![Thing { lock: Some(Hold::Compliance), ..expired(1) }],
                vec![struck("DescribeLockedSnapshots", Which::First(8), credentials_expired())],
            ),
        ),
        ("a snapshot that only its image covered was part of a later backup, and was left for ever", stranded()),
    ]
}

fn struck(action: &str, calls: Which, kind: FaultKind) -> Trouble {
    Trouble::Fault(Fault::of(action, calls, kind))
}

fn denied() -> FaultKind {
    FaultKind::Error {
        status: 403,
        code: "UnauthorizedOperation".to_owned(),
        message: "You are not authorized to perform this operation.".to_owned(),
    }
}

fn credentials_expired() -> FaultKind {
    FaultKind::Error { status: 400, code: "RequestExpired".to_owned(), message: "Request has expired.".to_owned() }
}

/// One command that meets these troubles on an EC2 of good manners, and what settles it.
fn one(command: Command, things: Vec<Thing>, troubles: Vec<Trouble>) -> Case {
    let account = Account { things, manners: vec![Manner::Speed(20)], ..Account::empty(1, 3) };
    let acts = vec![Act::Step(Step { starts: vec![Start::now(command)], troubles, cut: None })];
    let last = [Command::resume(), Command::patient(What::Purge(None, PurgePolicy::default()))];
    Case { account, acts, last: last.map(|command| (SignedDuration::ZERO, command)).into() }
}

fn image(patience: i64, troubles: Vec<Trouble>) -> Case {
    let line = Line { copies: vec![(REGIONS[1], Encryption::AsSource)], instance: WEB, ..Line::with_two_copies() };
    let command = Command { patience: SignedDuration::from_secs(patience), ..Command::patient(What::Image(line)) };
    one(command, Vec::new(), troubles)
}

fn resume(troubles: Vec<Trouble>) -> Case {
    resume_of(Thing::backup(1), troubles)
}

fn resume_of(mut source: Thing, troubles: Vec<Trouble>) -> Case {
    let until = noon() + SignedDuration::from_hours(24);
    source.image_tags.insert(format!("ami-backup:copy-to:{}", REGIONS[1]), format!("until={until}"));
    one(Command::resume(), vec![source], troubles)
}

fn purge(troubles: Vec<Trouble>) -> Case {
    purge_of(vec![expired(1), Thing::backup(2)], troubles)
}

fn purge_of(things: Vec<Thing>, troubles: Vec<Trouble>) -> Case {
    one(everything_expired(), things, troubles)
}

fn everything_expired() -> Command {
    Command::patient(What::Purge(None, PurgePolicy::default()))
}

fn expired(number: u32) -> Thing {
    Thing::backup(number).until(Written::rfc3339(noon() - SignedDuration::from_hours(1)))
}

/// An expired backup whose snapshots bear no tags, and another that is made of them and expires tomorrow: a purge today, and one
/// the day after.
fn stranded() -> Case {
    let untagged = Thing { snapshots_creator: None, snapshots_expire: None, is_described: true, ..expired(1) };
    let later = Thing { shares: Some(1), volumes: 1, ..Thing::backup(2).until(Written::rfc3339(noon() + SignedDuration::from_hours(24))) };
    // Nothing has to go wrong for it.
    let slow = struck("DescribeImages", Which::Nth(1), FaultKind::Delay(std::time::Duration::from_secs(1)));
    let mut case = purge_of(vec![untagged, later], vec![slow]);
    case.acts.extend([Act::Pass(SignedDuration::from_hours(48)), Act::Step(Step::quiet(everything_expired()))]);
    case
}

fn with(manner: Manner, mut case: Case) -> Case {
    case.account.manners.push(manner);
    case
}

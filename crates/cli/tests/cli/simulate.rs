//! A policy replayed over time.

use std::time::Duration;

use insta::assert_snapshot;

use crate::common::{Ec2, Home, Ran};

const TIERS: &str = "[defaults]\nschedule = '0 2 * * *'\nkeep-daily = 7\nkeep-weekly = 4\nkeep-monthly = 12\n\
                     [[target]]\nname = 'nightly'\nselect = { tags = ['Backup'] }\ncopy = [{ region = 'eu-west-1', keep-daily = 2 }]\n";

/// A home with a policy and one that keeps less.
fn home() -> Home {
    let home = Home::new();
    home.write("ami-backup.toml", TIERS);
    home.write("less.toml", &TIERS.replace("keep-monthly = 12", "keep-monthly = 3"));
    home
}

/// `simulate` from the beginning of December 2026 on, with more arguments.
fn simulate(home: &Home, arguments: &[&str]) -> Ran {
    home.ami_backup(&[&["simulate", "--now", "2026-12-01T00:00:00Z"], arguments].concat()).run()
}

#[test]
fn nobody_is_asked_where_nothing_is_to_be_seen() {
    let ec2 = Ec2::example();
    let home = home();
    let arguments =
        ["simulate", "--now", "2026-12-01T00:00:00Z", "--days", "10", "--instances", "3", "--miss", "2026-12-04..6", "--gib", "100"];
    assert_snapshot!(home.ami_backup(&arguments).on(&ec2).run(), @"
    10 days from 2026-12-01 00:00Z, but nothing runs on 2026-12-04..2026-12-06

    ami-backup.toml: 3 invented instances
    backups at the end of each day, by the rule that keeps them           most   end
    daily      ======++++++***********************@@@@@@@@@@@@@@@@@@@@@@    27    27
    weekly                                                   @@@@@@@@@@@     3     3
    eu-west-1  @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@     6     6
    us-east-1  ::::::------=======================*****######@@@@@@@@@@@    24    24
    all        ============+++++++++++++++++++++++#####@@@@@@@@@@@@@@@@@    30    30

    DATE        DAILY  WEEKLY  ALL  GIB STEADY  GIB CHANGING  OLDEST
    2026-12-01     12       0   12         600          1200  2026-11-30
    2026-12-02     15       0   15         600          1500  2026-11-30
    2026-12-03     18       0   18         600          1800  2026-11-30
    2026-12-04     18       0   18         600          1800  2026-11-30
    2026-12-05     18       0   18         600          1800  2026-11-30
    2026-12-06     18       0   18         600          1800  2026-11-30
    2026-12-07     24       0   24         600          2400  2026-11-30
    2026-12-08     27       0   27         600          2700  2026-11-30
    2026-12-09     27       3   30         600          3000  2026-11-30
    2026-12-10     27       3   30         600          3000  2026-11-30

    GIB STEADY: at most, with full volumes of which nothing changes between backups
    GIB CHANGING: at most, with full volumes of which all changes between backups
    54 made, 24 gone; at the end back to 2026-11-30 02:00Z
    nothing irreplaceable goes: it always reaches back as far as before
    exit code 0
    ");
    assert!(ec2.calls().is_empty());
}

#[test]
fn a_year_of_two_policies_side_by_side() {
    assert_snapshot!(simulate(&home(), &["--diff", "less.toml"]), @"
    365 days from 2026-12-01 00:00Z

    ami-backup.toml: 1 invented instance
    backups at the end of each day, by the rule that keeps them           most   end
    daily      @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@     9     9
    weekly      -*@@@@@@@@@@*@@@@@@@@@@@*@@@@@@@@@@*@@@@@@@@@@@*@@@@@@@@     3     2
    monthly       ..::::::::------=====+++++**********####@@@@@@@@@@@@@@    11    11
    eu-west-1  @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@     2     2
    us-east-1  -===++++++++++++++******#*#############@@@@@@@@@@@@@@@@@@    21    20
    all        ===+++++++++++**********#*#############@@@@@@@@@@@@@@@@@@    23    22

    less.toml: 1 invented instance
    backups at the end of each day, by the rule that keeps them           most   end
    daily      @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@     9     9
    weekly      -*@@@@@@@@@@*@@@@@@@@@@@*@@@@@@@@@@*@@@@@@@@@@@*@@@@@@@@     3     2
    monthly       ==@@@@@===@@==@@@@@@@@@@@@@@@@@@@@@=@@@@@@@@@@@@@@==@@     2     2
    eu-west-1  @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@     2     2
    us-east-1  +**#@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@    12    11
    all        **##@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@    14    13

    ami-backup.toml, and OTHER: less.toml
    DATE        BACKUPS  OTHER  OLDEST      OTHER
    2026-12-31       12     12  2026-11-30  2026-11-30
    2027-01-31       14     14  2026-11-30  2026-11-30
    2027-02-28       15     14  2026-11-30  2026-12-31
    2027-03-31       15     13  2026-11-30  2027-01-31
    2027-04-30       16     13  2026-11-30  2027-02-28
    2027-05-31       17     13  2026-11-30  2027-03-31
    2027-06-30       18     13  2026-11-30  2027-04-30
    2027-07-31       19     13  2026-11-30  2027-05-31
    2027-08-31       20     13  2026-11-30  2027-06-30
    2027-09-30       21     13  2026-11-30  2027-07-31
    2027-10-31       23     14  2026-11-30  2027-08-31
    2027-11-30       22     13  2026-12-31  2027-09-30

    GiB: not known, for nobody says how large the invented volumes are (--gib)
    ami-backup.toml: 732 made, 710 gone; at the end back to 2026-12-31 02:00Z
      the first irreplaceable thing goes on 2027-11-01 02:00Z, the oldest there is:
        2026-11-30 02:00Z of an invented instance (nightly) in us-east-1
    less.toml: 732 made, 719 gone; at the end back to 2027-09-30 02:00Z
      the first irreplaceable thing goes on 2027-02-01 02:00Z, the oldest there is:
        2026-11-30 02:00Z of an invented instance (nightly) in us-east-1
    ami-backup.toml deletes nothing that less.toml keeps
    less.toml first deletes what ami-backup.toml keeps on 2027-02-01 02:00Z:
      2026-11-30 02:00Z of an invented instance (nightly) in us-east-1
    exit code 0
    ");
}

#[test]
fn plots_are_of_block_elements_where_the_locale_has_them() {
    let home = home();
    let plotted = |name: &str, locale: &str| {
        let ran = home.ami_backup(&["simulate", "--instances", "1000", "--gib", "1000"]).env("LANG", "en_US.UTF-8").env(name, locale).run();
        assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80), "{ran}");
        ran.stdout
    };
    assert!(plotted("LC_ALL", "").contains('█'));
    assert!(plotted("LC_CTYPE", "C.utf8").contains('█'));
    for ascii in [plotted("LANG", "C"), plotted("LC_ALL", "POSIX"), plotted("LC_CTYPE", "en_US.ISO-8859-1")] {
        assert!(ascii.is_ascii() && ascii.contains("@@@@"), "{ascii}");
    }
}

#[test]
fn what_is_seen_is_where_it_begins_and_nothing_is_changed() {
    let home = home();
    home.write("ami-backup.toml", &TIERS.replace("tags = ['Backup']", "all = true"));
    assert_eq!(home.ami_backup(&["run", "--sandbox"]).run().code, 0);
    let before = home.world().accounts;
    let ran = home.ami_backup(&["simulate", "--observed", "--sandbox", "--days", "3", "--miss", "2020-02-29"]).run();
    assert_eq!(home.world().accounts, before);
    assert_snapshot!(ran, @"
    ! sandbox: a toy EC2 kept in ~/.local/state/ami-backup/sandbox.json; its clock stands at 2026-12-01T02:08:35Z
    ! warning: --miss 2020-02-29 is not among the days from 2026-12-01 to 2026-12-03
    3 days from 2026-12-01 02:08Z, but nothing runs on 2020-02-29

    ami-backup.toml: 3 instances
    backups at the end of each day, by the rule that keeps them           most   end
    daily      ===================###################@@@@@@@@@@@@@@@@@@@    13    13
    eu-west-1  ===================###################@@@@@@@@@@@@@@@@@@@     7     7
    us-east-1  -------------------*******************@@@@@@@@@@@@@@@@@@@     6     6
    all        ===================###################@@@@@@@@@@@@@@@@@@@    13    13

    DATE        DAILY  ALL  GIB STEADY  GIB CHANGING  OLDEST
    2026-12-01      5    5        1240          1240  2026-12-01
    2026-12-02     10   10        1240          2480  2026-12-01
    2026-12-03     13   13        1240          3104  2026-12-01

    GIB STEADY: at most, with full volumes of which nothing changes between backups
    GIB CHANGING: at most, with full volumes of which all changes between backups
    10 made, 2 gone; at the end back to 2026-12-01 02:00Z
    nothing irreplaceable goes: it always reaches back as far as before
    exit code 0
    ");

    let ec2 = Ec2::example();
    let ran = home.ami_backup(&["simulate", "--observed", "--days", "3", "--json"]).on(&ec2).run();
    assert_eq!((ran.code, &ran.json()["instances"], &ran.json()["beginning"]), (0, &3.into(), &"observed".into()));
    assert!(!ec2.calls().is_empty() && ec2.changes().is_empty(), "{:?}", ec2.changes());
    ec2.deny("DescribeVolumes");
    let ran = home.ami_backup(&["simulate", "--observed", "--days", "3"]).on(&ec2).run();
    assert!(ran.code == 0 && ran.stderr.contains("warning: sizes are not known: DescribeVolumes"), "{ran}");
    assert!(ran.stdout.contains("GiB: not known, for EC2 does not say how large all volumes are"), "{ran}");
    ec2.deny("DescribeInstances");
    let ran = home.ami_backup(&["simulate", "--observed"]).on(&ec2).run();
    assert!(ran.code == 1 && ran.stdout.is_empty() && ran.stderr.contains("DescribeInstances"), "{ran}");
}

#[test]
fn it_begins_with_a_world_that_is_written_down() {
    let home = home();
    home.write(
        "world.toml",
        "clock = 2026-12-01T00:00:00Z\n[[instance]]\nregion = 'us-east-1'\nid = 'i-0aaaaaaaaaaaaaaa1'\nname = 'web'\nvolumes = [8, 50]\ntags = { Backup = 'yes' }\n\
         [[instance]]\nregion = 'us-east-1'\nname = 'toy'\nvolumes = [8]\n\
         [[image]]\nregion = 'us-east-1'\nname = 'old'\nof = 'web'\nage = '30d'\n\
         tags = { Creator = 'image-instance', Instance = 'i-0aaaaaaaaaaaaaaa1', Date = '2026-11-01T00:00:00Z', 'ami-backup:series' = 'nightly' }\n",
    );
    let ran = home.ami_backup(&["simulate", "--from", "world.toml", "--days", "3"]).run();
    assert_snapshot!(ran, @"
    ! sandbox: a toy EC2 kept in world.toml; its clock stands at 2026-12-01T00:00:00Z
    3 days from 2026-12-01 00:00Z

    ami-backup.toml: 1 instance
    backups at the end of each day, by the rule that keeps them           most   end
    daily      *******************###################@@@@@@@@@@@@@@@@@@@     7     7
    eu-west-1  @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@     2     2
    us-east-1  +++++++++++++++++++###################@@@@@@@@@@@@@@@@@@@     5     5
    all        *******************###################@@@@@@@@@@@@@@@@@@@     7     7

    DATE        DAILY  ALL  GIB STEADY  GIB CHANGING  OLDEST
    2026-12-01      5    5         116           290  2026-11-01
    2026-12-02      6    6         116           348  2026-11-01
    2026-12-03      7    7         116           406  2026-11-01

    GIB STEADY: at most, with full volumes of which nothing changes between backups
    GIB CHANGING: at most, with full volumes of which all changes between backups
    8 made, 2 gone; at the end back to 2026-11-01 00:00Z
    nothing irreplaceable goes: it always reaches back as far as before
    exit code 0
    ");
    let nowhere = home.ami_backup(&["simulate", "--from", "nowhere.toml"]).run();
    assert_snapshot!(nowhere, @"
    ! error: cannot read the world in nowhere.toml: No such file or directory (os error 2)
    exit code 2
    ");
}

#[test]
fn an_interruption_ends_it_at_once() {
    let home = home();
    home.write("ami-backup.toml", &TIERS.replace("tags = ['Backup']", "all = true").replace("0 2 * * *", "*/15 * * * *"));
    for signal in ["INT", "TERM"] {
        let running = home.ami_backup(&["simulate", "--observed", "--sandbox", "--days", "3660"]).start();
        running.says("sandbox:");
        std::thread::sleep(Duration::from_secs(3));
        let ran = running.signal(signal).end();
        assert_eq!((ran.code, ran.stdout.as_str()), (130, ""), "{ran}");
    }
}

#[test]
fn policies_without_an_instance_in_common_are_not_compared() {
    let home = home();
    home.write("ami-backup.toml", &TIERS.replace("nightly", "daily"));
    let ran = simulate(&home, &["--days", "1", "--diff", "less.toml"]);
    assert!(ran.stderr.contains("warning: no instance has backups under both policies"), "{ran}");
    assert!(ran.code == 0 && !ran.stdout.contains("deletes"), "{ran}");
}

#[test]
fn what_cannot_be_replayed_is_refused_before_anybody_is_asked() {
    let home = home();
    home.write("broken.toml", &TIERS.replace("keep-daily = 7", "keep-dayly = 7"));
    let refused = |arguments: &[&str]| {
        let ran = simulate(&home, arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{ran}");
        ran.stderr
    };
    assert_snapshot!(refused(&["--miss", "christmas"]), @"
    error: invalid value 'christmas' for '--miss <DAYS>': `christmas` is no day such as 2026-12-24, nor days such as 2026-12-24..26 or 2026-12-24..2027-01-02

    For more information, try '--help'.
    ");
    assert_snapshot!(refused(&["--miss", "2026-12-26..24"]), @"
    error: invalid value '2026-12-26..24' for '--miss <DAYS>': `2026-12-26..24` ends before it begins; write the last day in full if it is in another month, such as 2026-12-30..2027-01-02

    For more information, try '--help'.
    ");
    assert_snapshot!(refused(&["--days", "0"]), @"
    error: invalid value '0' for '--days <N>': 0 is not in 1..=3660

    For more information, try '--help'.
    ");
    assert_snapshot!(refused(&["--sandbox"]), @"error: -p and --sandbox say where to look, and only --observed looks anywhere: add it, or leave them away");
    assert_snapshot!(refused(&["--diff", "nowhere.toml"]), @"error: the policy nowhere.toml cannot be read: No such file or directory (os error 2)");
    assert_snapshot!(refused(&["--diff", "broken.toml"]), @"
    broken.toml:3:1: unknown key `keep-dayly` in [defaults]; did you mean `keep-daily`?
    error: the policy broken.toml cannot be used as it is, and nothing was done
    ");
    for arguments in [
        &["--days", "-1"][..],
        &["--days", "4000"],
        &["--miss", ""],
        &["--instances", "0"],
        &["--gib", "none"],
        &["--observed", "--instances", "3"],
        &["--observed", "--from", "world.toml"],
        &["-p", "mine"],
        &["--policy", "nowhere.toml"],
        &["--now", "tomorrow"],
    ] {
        assert!(refused(arguments).starts_with("error: "), "{arguments:?}");
    }
}

/// Twelve days, of which two are missed, once as they are foretold and once as they are lived.
#[test]
fn what_is_foretold_is_what_daily_runs_leave() {
    const DAYS: usize = 12;
    const MISSED: [usize; 2] = [5, 6];
    let home = Home::new();
    home.write(
        "ami-backup.toml",
        "[[target]]\nname = 'nightly'\nselect = { all = true }\nschedule = '0 2 * * *'\nkeep-last = 2\nkeep-weekly = 2\n\
         [[target.copy]]\nregion = 'eu-west-1'\nkeep-last = 1\n",
    );
    assert_eq!(home.ami_backup(&["sandbox", "reset"]).run().code, 0);
    let world = home.sandbox();
    let days = DAYS.to_string();
    let foretold = home
        .ami_backup(&["simulate", "--from", world.to_str().unwrap(), "--days", &days, "--miss", "2026-12-06..07", "--json"])
        .run()
        .json();
    let kept = |region: &str, day: usize| foretold["days"][day]["regions"][region]["backups"].as_u64().unwrap_or(0);
    for day in 0..DAYS {
        if !MISSED.contains(&day) {
            let ran = home.ami_backup(&["run", "--sandbox"]).run();
            assert_eq!(ran.code, 0, "day {day}: {ran}");
        }
        let lived = home.world();
        for region in ["us-east-1", "eu-west-1"] {
            assert_eq!(lived.region(region).images.len() as u64, kept(region, day), "day {day} in {region}");
        }
        // What was missed is made up for as soon as anything runs again, and not only when the next slot is due.
        home.advance("22h");
        if MISSED.contains(&day) && !MISSED.contains(&(day + 1)) {
            assert_eq!(home.ami_backup(&["run", "--sandbox"]).run().code, 0);
        }
        home.advance("2h");
    }
}

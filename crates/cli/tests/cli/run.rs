//! What a policy wants is made so: `plan` shows it, `run` does it.

use ec2_sim::world::DeregistrationProtection;
use insta::assert_snapshot;

use crate::common::{DB, Ec2, Home, Ran, WEB_ONLY};

fn home(policy: &str) -> Home {
    let home = Home::new();
    home.write("ami-backup.toml", policy);
    home
}

fn run(home: &Home, arguments: &[&str]) -> Ran {
    home.ami_backup(&[&["run", "--sandbox"], arguments].concat()).run()
}

#[test]
fn what_is_planned_is_done_and_then_there_is_nothing_to_do() {
    let home = home(WEB_ONLY);
    let planned = home.ami_backup(&["plan", "--sandbox"]).run();
    assert_snapshot!(planned.stdout, @"
    web
      us-east-1  i-0eb1eb1eb1eb10001  web-1: would be imaged for 2026-12-01 02:00Z
        then copied to eu-west-1
    in no target
      eu-west-1  i-0a11a11a11a110001  mail-1: is not selected: web does not name it
      us-east-1  i-0db1db1db1db10001  db-1: is not selected: web does not name it
    would make 1, copy 1, purge 0, keep 0
    ");
    assert!(home.world().region("us-east-1").images.is_empty());
    assert_snapshot!(run(&home, &[]).stdout, @"
    web
      us-east-1  i-0eb1eb1eb1eb10001  web-1:
        ami-09d40897aa65e0c57 available for 2026-12-01 02:00Z
    copies
      eu-west-1  ami-09bc0e13c32d1b883  of ami-09d40897aa65e0c57 in us-east-1
    made 1, copied 1, purged 0, kept 2
    ");
    assert_snapshot!(run(&home, &[]).stdout, @"made 0, copied 0, purged 0, kept 2");
}

#[test]
fn a_series_is_thinned_by_its_rules_and_nothing_comes_back() {
    let home = home(WEB_ONLY);
    for day in 1..=5 {
        let ran = run(&home, &[]);
        assert!(ran.code == 0 && ran.stdout.contains("made 1, copied 1"), "day {day}: {ran}");
        home.advance("5min");
        assert_eq!(run(&home, &[]).stdout.lines().count(), 1, "day {day}");
        home.advance("24h");
    }
    let world = home.world();
    assert_eq!((world.region("us-east-1").images.len(), world.region("eu-west-1").images.len()), (2, 1));
    assert_eq!((world.region("us-east-1").snapshots.len(), world.region("eu-west-1").snapshots.len()), (2, 1));
    // A week is missed: the newest slot is made up for, and the rules are measured by backups, not by the calendar.
    home.advance("7d");
    let ran = run(&home, &["--json"]).json();
    assert_eq!(ran["accounts"][0]["instances"].as_array().unwrap().iter().filter(|instance| instance["standing"] == "made").count(), 1);
    assert_eq!(home.world().region("us-east-1").images.len(), 2);
}

#[test]
fn what_is_kept_is_deprecated_and_protected_and_a_second_run_finds_nothing_to_do() {
    let wanted = "keep-last = 2\ndeprecate-after = \"30d\"\nprotect = \"with-cooldown\"";
    let policy = WEB_ONLY.replacen("keep-last = 2", wanted, 1).replace("keep-last = 1", "completion-minutes = 60");
    let home = home(&policy);
    let schema: serde_json::Value = serde_json::from_str(&home.ami_backup(&["schema", "run"]).run().stdout).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let planned = home.ami_backup(&["plan", "--sandbox", "--json"]).run().json();
    assert!(schema.is_valid(&planned), "{planned:#}");
    assert_snapshot!(home.ami_backup(&["plan", "--sandbox"]).run().stdout, @"
    web
      us-east-1  i-0eb1eb1eb1eb10001  web-1: would be imaged for 2026-12-01 02:00Z
        then copied to eu-west-1 in 60 minutes
        then deprecated from 2026-12-31 02:00Z
        then protected from deregistration with a day's cooldown
    in no target
      eu-west-1  i-0a11a11a11a110001  mail-1: is not selected: web does not name it
      us-east-1  i-0db1db1db1db10001  db-1: is not selected: web does not name it
    would make 1, copy 1, purge 0, keep 0
    ");
    let ran = run(&home, &["--json"]).json();
    assert!(schema.is_valid(&ran), "{ran:#}");
    let mended = ran["accounts"][0]["mended"].as_array().unwrap().iter();
    let told: Vec<String> = mended.map(|mend| format!("{} {} {}", mend["region"], mend["mend"], mend["result"])).collect();
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told.iter().all(|told| told.ends_with("\"done\"")), "{told:?}");
    for region in ["us-east-1", "eu-west-1"] {
        for image in home.world().region(region).images.values() {
            assert_eq!(image.deprecation_time.unwrap().to_string(), "2026-12-31T02:00:00Z");
            assert_eq!(image.deregistration_protection, DeregistrationProtection::Enabled { with_cooldown: true });
        }
    }
    assert_snapshot!(run(&home, &[]).stdout, @"made 0, copied 0, purged 0, kept 2");
}

#[test]
fn backups_of_no_series_are_left_alone() {
    let home = home(WEB_ONLY);
    let by_hand = home.ami_backup(&["image-instance", "--sandbox", "-i", DB, "-r", "us-east-1", "-e", "+1 day"]).run();
    assert_eq!(by_hand.code, 0, "{by_hand}");
    home.advance("3d");
    assert_eq!(run(&home, &[]).code, 0);
    assert_eq!(home.world().region("us-east-1").images.len(), 2);
}

#[test]
fn a_cap_stops_every_deletion() {
    let home = home(WEB_ONLY);
    for _ in 0..3 {
        run(&home, &["--max-deletes", "0"]);
        home.advance("1d");
    }
    let ran = run(&home, &["--max-deletes", "0"]);
    assert!(ran.code == 5 && ran.stdout.contains("more than --max-deletes 0 allows"), "{ran}");
    assert_eq!(home.world().region("us-east-1").images.len(), 4);
    assert_eq!(run(&home, &[]).code, 0);
    assert_eq!(home.world().region("us-east-1").images.len(), 2);
}

#[test]
fn hooks_are_told_what_is_made_and_can_forbid_it() {
    let with_hooks = |before: &str| {
        let hooks =
            format!("before = {{ command = {before} }}\nafter = {{ command = [\"sh\", \"-c\", \"cat > after.json\"] }}\n[[target.copy]]");
        home(&WEB_ONLY.replace("[[target.copy]]", &hooks))
    };
    let home = with_hooks(r#"["sh", "-c", "cat > before.json"]"#);
    assert_eq!(run(&home, &[]).code, 0);
    let told = |name: &str| serde_json::from_str::<serde_json::Value>(&std::fs::read_to_string(home.path(name)).unwrap()).unwrap();
    assert_eq!((&told("before.json")["series"], &told("before.json")["image"]), (&"web".into(), &().into()));
    assert!(told("after.json")["image"].as_str().unwrap().starts_with("ami-"));
    let home = with_hooks(r#"["sh", "-c", "echo the database is busy >&2; exit 1"]"#);
    let ran = run(&home, &[]);
    assert!(ran.code == 1 && ran.stdout.contains("the database is busy"), "{ran}");
    assert!(home.world().region("us-east-1").images.is_empty());
}

#[test]
fn where_instances_cannot_be_seen_nothing_is_deleted() {
    let ec2 = Ec2::example();
    ec2.deny("DescribeInstances");
    let home = home(&WEB_ONLY.replace("select", "regions = [\"us-east-1\"]\nselect"));
    let ran = home.ami_backup(&["run"]).on(&ec2).run();
    assert!(ran.code == 3 && ran.stdout.contains("not purged: nothing was deleted, because not all instances could be seen"), "{ran}");
    assert!(ec2.changes().is_empty());
}

#[test]
fn two_runs_at_once_make_everything_once() {
    let ec2 = Ec2::example();
    let home = home(&WEB_ONLY.replace("select", "regions = [\"us-east-1\"]\nselect"));
    let runs: Vec<_> = (0..2).map(|_| home.ami_backup(&["run", "--no-wait"]).on(&ec2).start()).collect();
    let ended: Vec<Ran> = runs.into_iter().map(crate::common::Running::end).collect();
    assert!(ended.iter().all(|ran| ran.code == 0), "{ended:?}");
    assert_eq!(ec2.sim.world().region("us-east-1").images.len(), 1);
    let again = home.ami_backup(&["run", "--no-wait"]).on(&ec2).run();
    assert!(again.code == 0 && again.stdout.contains("made 0"), "{again}");
}

#[test]
fn quiet_is_quiet_where_all_went_well() {
    let home = home(WEB_ONLY);
    // That it is the sandbox is said all the same.
    let well = run(&home, &["--quiet"]);
    assert!(well.code == 0 && well.stdout.is_empty() && well.stderr.lines().count() == 1, "{well}");
    let ec2 = Ec2::example();
    ec2.deny("CreateImage");
    let badly = home.ami_backup(&["run", "-q", "--no-wait"]).on(&ec2).run();
    assert!(badly.code == 1 && badly.stdout.contains("ec2:CreateImage is missing"), "{badly}");
}

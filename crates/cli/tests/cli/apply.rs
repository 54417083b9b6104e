//! A plan is written down, somebody looks at it, and it is applied as it was, or not at all.

use ec2_sim::World;
use insta::assert_snapshot;
use jiff::Timestamp;
use serde_json::Value;

use crate::common::{BINARY, DB, Ec2, Home, Ran, WEB, WEB_ONLY};

/// Three days old, with two backups and a third due that lets the first one go.
fn home() -> Home {
    let home = Home::new();
    home.write("ami-backup.toml", WEB_ONLY);
    for _ in 0..3 {
        assert_eq!(ran(&home, &["run", "--max-deletes", "0"]).code % 5, 0);
        home.advance("1d");
    }
    home
}

fn ran(home: &Home, arguments: &[&str]) -> Ran {
    home.ami_backup(&[arguments, &["--sandbox"]].concat()).run()
}

fn planned(home: &Home) -> Value {
    let ran = ran(home, &["plan", "-o", "plan.json"]);
    assert_eq!(ran.code, 0, "{ran}");
    serde_json::from_str(&std::fs::read_to_string(home.path("plan.json")).unwrap()).unwrap()
}

fn images(home: &Home) -> (usize, usize) {
    let world = home.world();
    (world.region("us-east-1").images.len(), world.region("eu-west-1").images.len())
}

#[test]
fn what_was_planned_is_done_and_no_more() {
    let home = home();
    let plan = planned(&home);
    let works: Vec<&str> = plan["items"].as_array().unwrap().iter().map(|item| item["work"].as_str().unwrap()).collect();
    assert_eq!(works, ["make", "purge", "purge", "purge"]);
    let before = images(&home);
    assert_eq!(ran(&home, &["apply", "plan.json", "--dry-run"]).code, 0);
    assert_eq!(images(&home), before, "a dry run only tells");
    // With the new backup, keep-last lets a further one go: it was not in the plan.
    assert_snapshot!(ran(&home, &["apply", "plan.json"]), @"
    ! sandbox: a toy EC2 kept in ~/.local/state/ami-backup/sandbox.json; its clock stands at 2026-12-04T02:08:04Z
    ! us-east-1: ami-01be081f39b672a07 requested: backup-ami_web-1_i-0eb1eb1eb1eb10001_20261204T020000Z_2bdcbd6e
    ! eu-west-1: ami-0c4fdf2bebfbc2c66 requested, a copy of ami-01be081f39b672a07
    ! eu-west-1: ami-0c4fdf2bebfbc2c66 available
    ! us-east-1: ami-01be081f39b672a07 available
    web
      us-east-1  i-0eb1eb1eb1eb10001  web-1:
        ami-01be081f39b672a07 available for 2026-12-04 02:00Z
      eu-west-1  purged ami-09bc0e13c32d1b883  web-1 of 2026-12-01 02:00Z:
        no keep rule of web wants it any more
      eu-west-1  purged ami-015d742ce1c70f09f  web-1 of 2026-12-02 02:03Z:
        no keep rule of web wants it any more
      us-east-1  purged ami-09d40897aa65e0c57  web-1 of 2026-12-01 02:00Z:
        no keep rule of web wants it any more
    copies
      eu-west-1  ami-0c4fdf2bebfbc2c66  of ami-01be081f39b672a07 in us-east-1
    made 1, copied 1, purged 3, kept 5
    exit code 0
    ");
    assert_eq!(images(&home), (3, 2));
    assert_snapshot!(ran(&home, &["apply", "plan.json"]), @"
    ! sandbox: a toy EC2 kept in ~/.local/state/ami-backup/sandbox.json; its clock stands at 2026-12-04T02:10:45Z
    nothing was done, for the plan does not hold any more:
      us-east-1  make i-0eb1eb1eb1eb10001 for 2026-12-04 02:00Z:
        it is made already: ami-01be081f39b672a07
      eu-west-1  purge ami-09bc0e13c32d1b883: it was not seen any more
      eu-west-1  purge ami-015d742ce1c70f09f: it was not seen any more
      us-east-1  purge ami-09d40897aa65e0c57: it was not seen any more
    exit code 5
    ");
    assert_eq!(images(&home), (3, 2));
}

#[test]
fn what_came_due_since_is_left_to_the_next_plan() {
    let home = home();
    let plan = planned(&home);
    home.arrange(|world| {
        let web = world.region_mut("us-east-1").instances.values().find(|instance| instance.id.as_str() == WEB).unwrap().clone();
        let another = ec2_sim::world::Instance { id: "i-0eb1eb1eb1eb10009".parse().unwrap(), ..web };
        world.region_mut("us-east-1").instances.insert(another.id.clone(), another);
    });
    assert_ne!(planned(&home)["items"], plan["items"], "there is more to do by now");
    home.write("plan.json", &plan.to_string());
    let applied = ran(&home, &["apply", "plan.json"]);
    assert!(applied.code == 0 && applied.stdout.contains("made 1, copied 1"), "{applied}");
    let json = ran(&home, &["plan", "--json"]).json();
    assert_eq!(json["accounts"][0]["instances"].as_array().unwrap().iter().filter(|of| of["standing"] == "planned").count(), 1);
}

#[test]
fn a_plan_that_does_not_hold_any_more_does_nothing() {
    let home = home();
    let plan = planned(&home);
    let is_it = |item: &&Value| item["work"] == "purge" && item["region"] == "us-east-1";
    let goes = plan["items"].as_array().unwrap().iter().find(is_it).unwrap()["image"].as_str().unwrap().to_owned();
    assert_eq!(ran(&home, &["pin", &goes, "--why", "audit"]).code, 0);
    let before = images(&home);
    let drifted = ran(&home, &["apply", "plan.json"]);
    assert_snapshot!(drifted, @"
    ! sandbox: a toy EC2 kept in ~/.local/state/ami-backup/sandbox.json; its clock stands at 2026-12-04T02:08:04Z
    nothing was done, for the plan does not hold any more:
      us-east-1  purge ami-09d40897aa65e0c57: it stays now: it is pinned: audit
    exit code 5
    ");
    assert_eq!((drifted.code, images(&home)), (5, before));
    let json = ran(&home, &["apply", "plan.json", "--json"]).json();
    assert_eq!((&json["drift"][0]["image"], &json["ending"]), (&Value::from(goes.as_str()), &"stopped_for_safety".into()));
    assert_eq!(ran(&home, &["unpin", &goes]).code, 0);
    home.advance("1d");
    assert_snapshot!(ran(&home, &["apply", "plan.json"]).stdout, @r"
    nothing was done, for the plan does not hold any more:
      us-east-1  make i-0eb1eb1eb1eb10001 for 2026-12-04 02:00Z:
        the slot that is due now is 2026-12-05T02:00:00Z
    ");
    assert_eq!(images(&home), before);
}

#[test]
fn what_a_backup_lacks_is_given_to_it_if_that_was_planned() {
    let home = home();
    home.write("ami-backup.toml", &WEB_ONLY.replace("schedule", "deprecate-after = \"30d\"\nschedule"));
    assert_eq!(ran(&home, &["run", "--max-deletes", "0"]).code % 5, 0);
    home.write("ami-backup.toml", &WEB_ONLY.replace("schedule", "deprecate-after = \"60d\"\nschedule"));
    let plan = planned(&home);
    let mends = plan["items"].as_array().unwrap().iter().filter(|item| item["work"] == "mend").count();
    assert!(mends > 0, "{plan}");
    let applied = ran(&home, &["apply", "plan.json"]);
    assert!(applied.code == 0 && applied.stdout.contains(&format!("mended {mends}")), "{applied}");
    let again = ran(&home, &["apply", "plan.json"]);
    assert!(again.code == 5 && again.stdout.contains("it lacks nothing any more"), "{again}");
}

#[test]
fn what_changes_while_it_is_applied_is_left_undone_and_said() {
    let home = Home::new();
    let backup = |number: u32| {
        let tags = format!(
            r#"{{ Creator = "image-instance", Instance = "{WEB}", Date = "2026-11-2{number}T02:00:00Z", "ami-backup:series" = "web" }}"#
        );
        format!(
            "[[image]]\nregion = 'us-east-1'\nid = 'ami-0000000{number}'\nname = 'web-{number}'\nof = 'web-1'\ntags = {tags}\nsnapshot_tags = {tags}\n"
        )
    };
    let instance = format!("[[instance]]\nregion = 'us-east-1'\nid = '{WEB}'\nname = 'web-1'\n");
    home.write("world.toml", &[instance, backup(1), backup(2)].concat());
    let ec2 = Ec2::of(World::load_as_of(home.path("world.toml"), Timestamp::now()).unwrap());
    // While the new backup is asked for, somebody pins what is to go.
    let pin = format!("cat > told.json; {BINARY} pin ami-00000001 --why meanwhile -r us-east-1");
    let policy = WEB_ONLY[..WEB_ONLY.find("[[target.copy]]").unwrap()].replace("keep-last = 2", "keep-last = 1");
    home.write("ami-backup.toml", &format!("{policy}regions = [\"us-east-1\"]\nbefore = {{ command = [\"sh\", \"-c\", \"{pin}\"] }}\n"));
    assert_eq!(home.ami_backup(&["plan", "-o", "plan.json"]).on(&ec2).run().code, 0);
    let applied = home.ami_backup(&["apply", "plan.json", "--no-wait"]).on(&ec2).run();
    assert!(applied.code == 3 && applied.stdout.contains("purge ami-00000001: it stays now: it is pinned: meanwhile"), "{applied}");
    let told: Value = serde_json::from_str(&std::fs::read_to_string(home.path("told.json")).unwrap()).unwrap();
    assert_eq!(told["account"], "self");
    assert_eq!(ec2.sim.world().region("us-east-1").images.len(), 3);
}

#[test]
fn a_plan_of_another_account_does_nothing() {
    let home = home();
    let plan = planned(&home);
    assert_eq!(home.ami_backup(&["sandbox", "reset"]).run().code, 0);
    home.advance("3d");
    let elsewhere = ran(&home, &["apply", "plan.json"]);
    assert_eq!(elsewhere.code, 5, "{elsewhere}");
    assert_eq!(elsewhere.stdout.matches("it was not seen any more").count(), plan["items"].as_array().unwrap().len() - 1, "{elsewhere}");
    assert_eq!(images(&home), (0, 0));
}

#[test]
fn a_plan_that_is_not_as_it_was_written_is_refused() {
    let home = home();
    let plan = planned(&home);
    let before = images(&home);
    let refused = |text: &str, code: i32, why: &str| {
        home.write("other.json", text);
        let ran = ran(&home, &["apply", "other.json"]);
        assert!(ran.code == code && ran.stderr.contains(why) && ran.stdout.is_empty(), "{ran}");
    };
    let mut edited = plan.clone();
    edited["items"].as_array_mut().unwrap().pop();
    refused(&edited.to_string(), 2, "its checksum does not fit");
    let mut more = plan.clone();
    more["also"] = "this".into();
    refused(&more.to_string(), 2, "unknown field `also`");
    let mut noted = plan.clone();
    noted["items"][0]["approved_by"] = "nobody".into();
    refused(&noted.to_string(), 2, "its checksum does not fit");
    let mut newer = plan.clone();
    newer["version"] = 2.into();
    refused(&newer.to_string(), 2, "version 2");
    refused(&plan.to_string()[..500], 2, "it is no plan");
    refused("{}", 2, "it has no version");
    refused("", 2, "it is no plan");
    assert_eq!(ran(&home, &["apply", "nowhere.json"]).code, 2);
    // As it was, but for how it is set out.
    home.write("ami-backup.toml", &WEB_ONLY.replace("keep-last = 2", "keep-last = 1"));
    refused(&plan.to_string(), 5, "the policy has changed");
    assert_eq!(images(&home), before);
    home.write("ami-backup.toml", WEB_ONLY);
    assert_eq!(ran(&home, &["apply", "other.json"]).code, 0);
    let unwritten = ran(&home, &["plan", "-o", "nowhere/plan.json"]);
    assert_eq!(unwritten.code, 1, "{unwritten}");
    assert_eq!(ran(&home, &["image-instance", "-i", DB, "-r", "us-east-1"]).code, 0);
}

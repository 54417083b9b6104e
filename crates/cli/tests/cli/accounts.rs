//! A policy for several accounts: a hub that assumes a role in each of the others.

use ec2_sim::World;
use insta::assert_snapshot;
use jiff::Timestamp;

use crate::common::{Ec2, Home, Ran};

const POLICY: &str = r#"
[account.prod]
role-arn = "arn:aws:iam::210987654321:role/ami-backup"
external-id = "b9c1-4f0e"

[account.stage]
role-arn = "arn:aws:iam::333333333333:role/ami-backup"

[[target]]
name = "nightly"
accounts = ["self", "prod", "stage"]
select = { all = true }
schedule = "0 2 * * *"
keep-last = 1
"#;

const WORLD: &str = r#"
[[role]]
account = "210987654321"
name = "ami-backup"
trusts = ["123456789012"]
external_id = "b9c1-4f0e"

[[role]]
account = "333333333333"
name = "ami-backup"
trusts = ["123456789012"]

[[instance]]
region = "us-east-1"
name = "hub-1"

[[instance]]
region = "us-east-1"
account = "210987654321"
name = "shop-1"

[[instance]]
region = "eu-west-1"
account = "210987654321"
name = "shop-2"

[[instance]]
region = "eu-west-1"
account = "333333333333"
name = "test-1"
"#;

fn home(policy: &str, world: &str) -> Home {
    let home = Home::new();
    home.write("ami-backup.toml", policy);
    home.write("world.toml", world);
    assert_eq!(home.ami_backup(&["sandbox", "reset", "--world", "world.toml"]).run().code, 0);
    home
}

fn ran(home: &Home, arguments: &[&str]) -> Ran {
    home.ami_backup(&[arguments, &["--sandbox"]].concat()).run()
}

/// How many images each account has.
fn images(home: &Home) -> Vec<(String, usize)> {
    let world = home.world();
    let count = |account: &ec2_sim::world::Account| account.regions.values().map(|region| region.images.len()).sum();
    world.accounts.iter().map(|(id, account)| (id.to_string(), count(account))).collect()
}

fn of(hub: usize, prod: usize, stage: usize) -> Vec<(String, usize)> {
    [("123456789012", hub), ("210987654321", prod), ("333333333333", stage)].map(|(id, count)| (id.to_owned(), count)).into()
}

#[test]
fn each_account_is_backed_up_and_thinned_by_itself() {
    let home = home(POLICY, WORLD);
    assert_snapshot!(ran(&home, &["plan"]).stdout, @r"
    account self
    nightly
      us-east-1  i-0c6396c68bb7e39ee  hub-1: would be imaged for 2026-12-01 02:00Z
    account prod
    nightly
      eu-west-1  i-0fea7d430e8c0c60e  shop-2: would be imaged for 2026-12-01 02:00Z
      us-east-1  i-0a604ca37adbe3c9f  shop-1: would be imaged for 2026-12-01 02:00Z
    account stage
    nightly
      eu-west-1  i-05e8131ff0100dd27  test-1: would be imaged for 2026-12-01 02:00Z
    would make 4, copy 0, purge 0, keep 0
    ");
    assert_snapshot!(ran(&home, &["run"]).stdout, @r"
    account self
    nightly
      us-east-1  i-0c6396c68bb7e39ee  hub-1:
        ami-09d40897aa65e0c57 available for 2026-12-01 02:00Z
    account prod
    nightly
      eu-west-1  i-0fea7d430e8c0c60e  shop-2:
        ami-09bc0e13c32d1b883 available for 2026-12-01 02:00Z
      us-east-1  i-0a604ca37adbe3c9f  shop-1:
        ami-0b4fa5102f83bee4f available for 2026-12-01 02:00Z
    account stage
    nightly
      eu-west-1  i-05e8131ff0100dd27  test-1:
        ami-015d742ce1c70f09f available for 2026-12-01 02:00Z
    made 4, copied 0, purged 0, kept 4
    ");
    assert_eq!(images(&home), of(1, 2, 1));
    assert_snapshot!(ran(&home, &["run"]).stdout, @r"
made 0, copied 0, purged 0, kept 4
    ");
    home.advance("1d");
    let again = ran(&home, &["run"]);
    assert!(again.code == 0 && again.stdout.contains("made 4, copied 0, purged 4"), "{again}");
    assert_eq!(images(&home), of(1, 2, 1));
    assert_snapshot!(ran(&home, &["status"]).stdout, @"
    STATUS  SERIES   INSTANCE      REGION     NEWEST                 AGE
    OK      nightly  prod/shop-1   us-east-1  ami-01be081f39b672a07  1min
    OK      nightly  prod/shop-2   eu-west-1  ami-02d422a966dd25287  1min
    OK      nightly  hub-1         us-east-1  ami-04c75392b4985482f  1min
    OK      nightly  stage/test-1  eu-west-1  ami-0c4fdf2bebfbc2c66  1min
    OK: 4 ok, 0 late, 0 critical, 0 failed images, 0 unprotected instances
    ");
}

#[test]
fn what_the_hub_may_do_follows_from_the_policy() {
    let home = home(POLICY, WORLD);
    let printed = home.ami_backup(&["iam-policy", "--for", "hub"]).run().json();
    let enters = printed["Statement"].as_array().unwrap().last().unwrap();
    let roles = ["arn:aws:iam::210987654321:role/ami-backup", "arn:aws:iam::333333333333:role/ami-backup"];
    assert_eq!((&enters["Action"], &enters["Resource"]), (&"sts:AssumeRole".into(), &roles.as_slice().into()));
    let whole = home.ami_backup(&["iam-policy", "--for", "policy"]).run().json();
    assert_eq!(home.ami_backup(&["iam-policy", "--for", "member"]).run().json(), whole);
    home.write("alone.toml", &POLICY.replace(r#"["self", "prod", "stage"]"#, r#"["self"]"#));
    let alone = home.ami_backup(&["iam-policy", "--for", "hub", "--policy", "alone.toml"]).run();
    assert!(alone.code == 2 && alone.stderr.contains("no target is for another account"), "{alone}");
}

#[test]
fn what_a_policy_says_of_an_instance_is_shown_wherever_it_is() {
    let home = home(POLICY, WORLD);
    let world = home.world();
    let shop = world.region_of(&"210987654321".parse().unwrap(), "eu-west-1").instances.keys().next().unwrap().to_string();
    let shown = ran(&home, &["policy", "show", &shop]);
    assert!(shown.code == 0 && shown.stdout.starts_with(&format!("{shop} in eu-west-1 of prod belongs to target nightly")), "{shown}");
    assert_eq!(ran(&home, &["policy", "show", &shop, "--json"]).json()["account"], "prod");
}

#[test]
fn a_policy_is_replayed_in_one_account() {
    let home = home(POLICY, WORLD);
    let replay = |more: &[&str]| home.ami_backup(&[&["simulate", "--days", "3", "--json"], more].concat()).run();
    let kept = |ran: &Ran| -> u64 {
        let day = ran.json()["days"][2]["regions"].clone();
        day.as_object().unwrap().values().map(|region| region["backups"].as_u64().unwrap()).sum()
    };
    let prod = replay(&["--from", "world.toml", "--account", "prod"]);
    assert_eq!((prod.code, kept(&prod)), (0, 2), "{prod}");
    let own = replay(&["--from", "world.toml"]);
    assert!(kept(&own) == 1 && own.stderr.contains("only the account self is looked at"), "{own}");
    assert_eq!(kept(&replay(&["--instances", "5"])), 5, "invented ones are of no account");
    for (wrong, why) in [
        (&["--account", "prod"][..], "only --observed and --from"),
        (&["--from", "world.toml", "--account", "nobody"], "for it, but for prod, self, stage"),
    ] {
        let ran = replay(wrong);
        assert!(ran.code == 2 && ran.stderr.contains(why), "{ran}");
    }
}

#[test]
fn a_role_is_assumed_once_a_run() {
    let home = home(POLICY, WORLD);
    let ec2 = Ec2::of(World::load_as_of(home.path("world.toml"), Timestamp::now()).unwrap());
    let planned = home.ami_backup(&["plan", "-v"]).on(&ec2).run();
    assert!(planned.code == 0 && planned.stdout.ends_with("would make 4, copy 0, purge 0, keep 0\n"), "{planned}");
    assert_eq!(ec2.calls().iter().filter(|call| call.action == "AssumeRole").count(), 2);
}

#[test]
fn an_account_that_cannot_be_entered_keeps_none_of_the_others() {
    let home = home(&POLICY.replace("b9c1-4f0e", "of-last-year"), WORLD);
    let run = ran(&home, &["run"]);
    assert_snapshot!(run.stdout, @r"
    account self
    nightly
      us-east-1  i-0c6396c68bb7e39ee  hub-1:
        ami-09d40897aa65e0c57 available for 2026-12-01 02:00Z
    account prod
    FAILED: DescribeRegions in us-east-1 failed: AccessDenied: User: arn:aws:iam::123456789012:user/operator is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::210987654321:role/ami-backup (request 984e7bc9-b2d5-4de0-ae20-61a98730e47f). Check the credentials: the role must be there, its trust policy must name who asks, and external-id must be the one it asks for
    account stage
    nightly
      eu-west-1  i-05e8131ff0100dd27  test-1:
        ami-09bc0e13c32d1b883 available for 2026-12-01 02:00Z
    made 2, copied 0, purged 0, kept 2, 1 account not reached
    ");
    assert_eq!((run.code, images(&home)), (3, of(1, 0, 1)));
    let status = ran(&home, &["status"]);
    assert_snapshot!(status, @"
    ! sandbox: a toy EC2 kept in ~/.local/state/ami-backup/sandbox.json; its clock stands at 2026-12-01T02:00:56Z
    ! account prod: DescribeRegions in us-east-1 failed: AccessDenied: User: arn:aws:iam::123456789012:user/operator is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::210987654321:role/ami-backup (request 1a06d227-3a29-49f0-aacf-e0a9a210c3ed). Check the credentials: the role must be there, its trust policy must name who asks, and external-id must be the one it asks for
    STATUS  SERIES   INSTANCE      REGION     NEWEST                 AGE
    OK      nightly  hub-1         us-east-1  ami-09d40897aa65e0c57  0min
    OK      nightly  stage/test-1  eu-west-1  ami-09bc0e13c32d1b883  0min
    UNKNOWN: 2 ok, 0 late, 0 critical, 0 failed images, 0 unprotected instances, 1 account not reached
    exit code 3
    ");
    assert_snapshot!(ran(&home, &["status", "--nagios"]), @"
    ! sandbox: a toy EC2 kept in ~/.local/state/ami-backup/sandbox.json; its clock stands at 2026-12-01T02:00:56Z
    ! account prod: DescribeRegions in us-east-1 failed: AccessDenied: User: arn:aws:iam::123456789012:user/operator is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::210987654321:role/ami-backup (request 9f722170-428d-4f3f-aa10-208f806c7648). Check the credentials: the role must be there, its trust policy must name who asks, and external-id must be the one it asks for
    AMI-BACKUP UNKNOWN - 2 ok, 0 late, 0 critical, 0 failed images, 0 unprotected instances, 1 account not reached; account prod not reached
    exit code 3
    ");
    home.write("only.toml", &POLICY.replace("b9c1-4f0e", "of-last-year").replace(r#"["self", "prod", "stage"]"#, r#"["prod"]"#));
    assert_snapshot!(ran(&home, &["run", "--policy", "only.toml"]), @"
    ! warning: only.toml:6:10: no target is for the account `stage`
    ! sandbox: a toy EC2 kept in ~/.local/state/ami-backup/sandbox.json; its clock stands at 2026-12-01T02:00:56Z
    ! error: no credentials: AccessDenied: User: arn:aws:iam::123456789012:user/operator is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::210987654321:role/ami-backup (request 7a6f95a9-d565-43a5-ac42-b389a9c04b24); the role must be there, its trust policy must name who asks, and external-id must be the one it asks for
    exit code 2
    ");
}

#[test]
fn what_fails_in_one_account_is_said_of_that_one() {
    let denied = WORLD.replacen("trusts", "denied_actions = [\"CreateImage\"]\ntrusts", 1);
    let home = home(POLICY, &denied);
    let run = ran(&home, &["run"]);
    assert_snapshot!(run.stdout, @r"
    account self
    nightly
      us-east-1  i-0c6396c68bb7e39ee  hub-1:
        ami-09d40897aa65e0c57 available for 2026-12-01 02:00Z
    account prod
    nightly
      eu-west-1  i-0fea7d430e8c0c60e  shop-2:
        FAILED for 2026-12-01 02:00Z: CreateImage in eu-west-1 failed with UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:sts::210987654321:assumed-role/ami-backup/ami-backup is not authorized to perform: ec2:CreateImage because no identity-based policy allows the ec2:CreateImage action. The permission ec2:CreateImage is missing; `ami-backup iam-policy` prints the least policy that is needed (request 35510df1-0481-44a5-a9f1-2bd1d9eca3a4)
      us-east-1  i-0a604ca37adbe3c9f  shop-1:
        FAILED for 2026-12-01 02:00Z: CreateImage in us-east-1 failed with UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:sts::210987654321:assumed-role/ami-backup/ami-backup is not authorized to perform: ec2:CreateImage because no identity-based policy allows the ec2:CreateImage action. The permission ec2:CreateImage is missing; `ami-backup iam-policy` prints the least policy that is needed (request a316b22d-aaf7-4c35-a0dc-d80c7f522bc5)
    account stage
    nightly
      eu-west-1  i-05e8131ff0100dd27  test-1:
        ami-09bc0e13c32d1b883 available for 2026-12-01 02:00Z
    made 2, copied 0, purged 0, kept 2, failed 2
    ");
    assert_eq!((run.code, images(&home)), (3, of(1, 0, 1)));
    let json = ran(&home, &["run", "--json"]).json();
    let ending =
        |account: &serde_json::Value| (account["account"].as_str().unwrap().to_owned(), account["ending"].as_str().unwrap().to_owned());
    let endings: Vec<_> = json["accounts"].as_array().unwrap().iter().map(ending).collect();
    let expected = [("self", "done"), ("prod", "nothing_achieved"), ("stage", "done")];
    assert_eq!(endings, expected.map(|(account, ending)| (account.to_owned(), ending.to_owned())));
}

#[test]
fn backups_of_all_accounts_are_listed_and_found() {
    let home = home(POLICY, WORLD);
    ran(&home, &["run"]);
    assert_snapshot!(ran(&home, &["list", "--policy", "ami-backup.toml"]).stdout, @"
    ACCOUNT  REGION     BACKUP                 OF      SERIES   SLOT               GIB  STATE      EXPIRES
    self     us-east-1  ami-09d40897aa65e0c57  hub-1   nightly  2026-12-01 02:00Z  8    available  by policy
    prod     us-east-1  ami-0b4fa5102f83bee4f  shop-1  nightly  2026-12-01 02:00Z  8    available  by policy
    prod     eu-west-1  ami-09bc0e13c32d1b883  shop-2  nightly  2026-12-01 02:00Z  8    available  by policy
    stage    eu-west-1  ami-015d742ce1c70f09f  test-1  nightly  2026-12-01 02:00Z  8    available  by policy
    ");
    assert_snapshot!(ran(&home, &["list"]).stdout, @"
    REGION     BACKUP                 OF     SERIES   SLOT               GIB  STATE      EXPIRES
    us-east-1  ami-09d40897aa65e0c57  hub-1  nightly  2026-12-01 02:00Z  8    available  by policy
    ");
    let prod = ran(&home, &["list", "--policy", "ami-backup.toml", "--json"]).json();
    let of_prod = prod["backups"].as_array().unwrap().iter().find(|backup| backup["account"] == "prod").unwrap();
    let id = of_prod["image"].as_str().unwrap();
    let shown = ran(&home, &["show", id, "--policy", "ami-backup.toml"]);
    assert!(shown.code == 0 && shown.stdout.contains("account       prod") && shown.stdout.contains("keep: last 1 of 1"), "{shown}");
    assert_eq!(ran(&home, &["show", id]).code, 1, "it is not in our own account");
}

#[test]
fn what_happens_and_what_fails_is_said_with_its_account() {
    let denied = WORLD.replacen("trusts", "denied_actions = [\"DescribeInstances\"]\ntrusts", 1);
    let home = home(POLICY, &denied);
    let run = ran(&home, &["run"]);
    let said = |line: &str| run.stderr.lines().any(|said| said.contains(line));
    assert!(said("account stage: eu-west-1: ami-") && !said("account prod: ") && !said("account self: "), "{run}");
    assert!(run.stderr.lines().any(|line| line.starts_with("us-east-1: ami-")), "{run}");
    let status = ran(&home, &["status"]);
    assert!(status.code == 3 && status.stderr.contains("account prod: not read: DescribeInstances in eu-west-1"), "{status}");
    assert_eq!(ran(&home, &["status", "--json"]).json()["failures"][0]["account"], "prod");
    let unreached = crate::accounts::home(&POLICY.replace("b9c1-4f0e", "of-last-year"), WORLD);
    let list = ran(&unreached, &["list", "--policy", "ami-backup.toml"]);
    assert!(list.code == 3 && list.stderr.contains("account prod: DescribeRegions"), "{list}");
}

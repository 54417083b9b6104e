//! Which region is meant: `-r`, the environment, the metadata service, the profile, in this order.

use insta::assert_snapshot;

use crate::common::{Ec2, Home, MAIL, Program, WEB};

/// The region in which EC2 was asked for the instance; it is there in none but its own.
fn asked_in(program: Program<'_>, ec2: &Ec2) -> String {
    let before = ec2.calls().len();
    program.on(ec2).run();
    ec2.calls().get(before).map_or_else(|| "nowhere".to_owned(), |call| call.region.clone())
}

fn home_with_profiles() -> Home {
    let home = Home::new();
    home.write(".aws/config", "[default]\nregion = sa-east-1\n[profile mine]\nregion = eu-north-1\n");
    home.write(".aws/credentials", "[mine]\naws_access_key_id = AKIAMINE\naws_secret_access_key = secret\n");
    home
}

#[test]
fn each_link_of_the_chain_gives_way_to_the_one_before_it() {
    let (home, ec2) = (home_with_profiles(), Ec2::example());
    let program = |more: &[&str]| home.ami_backup(&[&["image-instance", "-i", MAIL, "--dry-run"], more].concat());
    assert_eq!(asked_in(program(&[]), &ec2), "sa-east-1");
    assert_eq!(asked_in(program(&["-p", "mine"]), &ec2), "eu-north-1");
    assert_eq!(asked_in(program(&[]).env("AWS_PROFILE", "mine"), &ec2), "eu-north-1");
    assert_eq!(asked_in(program(&["-p", "mine"]).with_metadata_of(&ec2), &ec2), "us-east-1");
    let of_environment = |more| program(more).with_metadata_of(&ec2).env("AWS_DEFAULT_REGION", "ca-central-1");
    assert_eq!(asked_in(of_environment(&["-p", "mine"]), &ec2), "ca-central-1");
    assert_eq!(asked_in(of_environment(&[]).env("AWS_REGION", "eu-west-2"), &ec2), "eu-west-2");
    assert_eq!(asked_in(of_environment(&["-r", "eu-west-1"]).env("AWS_REGION", "eu-west-2"), &ec2), "eu-west-1");
    // A variable that is empty is one that is not set.
    assert_eq!(asked_in(program(&[]).env("AWS_REGION", "").env("AWS_DEFAULT_REGION", ""), &ec2), "sa-east-1");
}

#[test]
fn a_purge_of_all_regions_asks_for_them_where_the_chain_leads() {
    let (home, ec2) = (home_with_profiles(), Ec2::example());
    for command in ["purge-expired-amis", "resume"] {
        assert_eq!(asked_in(home.ami_backup(&[command]), &ec2), "sa-east-1");
        assert_eq!(asked_in(home.ami_backup(&[command]).env("AWS_REGION", "eu-west-2"), &ec2), "eu-west-2");
        assert_eq!(asked_in(Home::new().ami_backup(&[command]), &ec2), "us-east-1");
    }
}

#[test]
fn nobody_says_which_region() {
    let (home, ec2) = (Home::new(), Ec2::example());
    assert_snapshot!(home.ami_backup(&["image-instance", "-i", WEB]).on(&ec2).run(), @"
    ! error: no region: give -r, set AWS_REGION, or add one to the profile (the metadata service did not answer either: this seems to be no EC2 instance)
    exit code 2
    ");
    assert!(ec2.calls().is_empty());
}

#[test]
fn an_error_says_who_chose_the_region() {
    let (home, ec2) = (home_with_profiles(), Ec2::example());
    let program = || home.ami_backup(&["image-instance", "-i", MAIL]).on(&ec2);
    assert_snapshot!(program().env("AWS_REGION", "us-east-1").run(), @"
    ! error: there is no instance i-0a11a11a11a110001 in us-east-1 (the region is from AWS_REGION)
    exit code 1
    ");
    assert_snapshot!(program().env("AWS_DEFAULT_REGION", "us-east-1").run(), @"
    ! error: there is no instance i-0a11a11a11a110001 in us-east-1 (the region is from AWS_DEFAULT_REGION)
    exit code 1
    ");
    assert_snapshot!(program().with_metadata_of(&ec2).run(), @"
    ! error: there is no instance i-0a11a11a11a110001 in us-east-1 (the region is from the metadata service)
    exit code 1
    ");
    assert_snapshot!(program().run(), @"
    ! error: there is no instance i-0a11a11a11a110001 in sa-east-1 (the region is from the profile)
    exit code 1
    ");
    assert_eq!(ec2.changes(), [""; 0]);
}

#[test]
fn something_that_is_no_region_is_told_with_who_said_it() {
    let ec2 = Ec2::example();
    let home = Home::new();
    home.write(".aws/config", "[profile wrong]\nregion = ireland\n");
    let program = || home.ami_backup(&["image-instance", "-i", MAIL]).on(&ec2);
    assert_snapshot!(program().env("AWS_REGION", "us-east-1a").run(), @"
    ! error: AWS_REGION gives no region: `us-east-1a` is not a region such as eu-west-1
    exit code 2
    ");
    assert_snapshot!(program().env("AWS_DEFAULT_REGION", "US-EAST-1").run(), @"
    ! error: AWS_DEFAULT_REGION gives no region: `US-EAST-1` is not a region such as eu-west-1
    exit code 2
    ");
    assert_snapshot!(program().env("AWS_PROFILE", "wrong").run(), @"
    ! error: the profile gives no region: `ireland` is not a region such as eu-west-1
    exit code 2
    ");
    assert_snapshot!(home.ami_backup(&["purge-expired-amis"]).on(&ec2).env("AWS_REGION", "everywhere").run(), @"
    ! error: AWS_REGION gives no region: `everywhere` is not a region such as eu-west-1
    exit code 2
    ");
    assert!(ec2.calls().is_empty());
}

#[test]
fn the_local_instance_is_asked_of_the_metadata_service() {
    let (home, ec2) = (home_with_profiles(), Ec2::example());
    let program = home.ami_backup(&["image-instance", "-p", "mine", "--no-wait"]).with_metadata_of(&ec2);
    // The instance is where it is, whatever anybody says.
    let ran = program.on(&ec2).env("AWS_REGION", "eu-west-1").run();
    assert_eq!(ran.code, 0, "{ran}");
    let created = ec2.calls().into_iter().find(|call| call.action == "CreateImage").unwrap();
    assert_eq!((created.region.as_str(), created.params["InstanceId"].as_str()), ("us-east-1", WEB));
    // Version 2 of the service only: the token comes first.
    let asked: Vec<String> =
        ec2.sim.calls().into_iter().filter(|call| call.action == "metadata").map(|call| call.params["path"].clone()).collect();
    assert_eq!(asked, ["/latest/api/token", "/latest/dynamic/instance-identity/document"]);
}

#[test]
fn the_local_instance_in_the_region_it_is_in() {
    let (home, ec2) = (Home::new(), Ec2::example());
    let program = |region| home.ami_backup(&["image-instance", "--dry-run", "-r", region]).with_metadata_of(&ec2).on(&ec2);
    assert_eq!(program("us-east-1").run().code, 0);
    assert_snapshot!(program("eu-west-1").run(), @"
    ! error: this instance, i-0eb1eb1eb1eb10001, is in us-east-1, not in eu-west-1; name another one with -i
    exit code 2
    ");
    assert_eq!(ec2.changes(), [""; 0]);
}

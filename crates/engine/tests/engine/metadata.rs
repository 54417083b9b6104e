//! The instance this program runs on: asked of the second version of the metadata service, for seconds at most.

use ec2_sim::{FaultKind, Which};
use engine::metadata::{MetadataError, local_instance};
use jiff::SignedDuration;

use crate::common::*;

#[tokio::test(start_paused = true)]
async fn the_local_instance_is_asked_for_with_a_token_first() {
    let scene = Scene::new().await;
    let local = local_instance(&scene.account).await.unwrap();
    assert_eq!((local.id.as_str(), local.region.as_str()), (WEB, HOME));
    let asked: Vec<String> =
        scene.calls("metadata").iter().map(|call| format!("{} {}", call.params["method"], call.params["path"])).collect();
    assert_eq!(asked, ["PUT /latest/api/token", "GET /latest/dynamic/instance-identity/document"]);
}

#[tokio::test(start_paused = true)]
async fn the_region_of_a_local_zone_is_not_the_zone_without_its_last_letter() {
    let scene = Scene::with(|world| {
        let instance = world.region_mut(HOME).instances.get_mut(WEB).unwrap();
        instance.availability_zone = "us-east-1-bos-1a".to_owned();
    })
    .await;
    assert_eq!(local_instance(&scene.account).await.unwrap().region, region(HOME));
    let report = scene.image(&scene.backup_of(WEB)).await.unwrap();
    assert_eq!(report.ending, engine::Ending::Done);
    assert_eq!(scene.only_image(HOME).tags["AvailabilityZone"], "us-east-1-bos-1a");
}

#[tokio::test(start_paused = true)]
async fn where_there_is_no_metadata_service_the_answer_comes_within_seconds() {
    for kind in [FaultKind::Hang, FaultKind::LostRequest, error(403, "", ""), error(503, "", "")] {
        let scene = Scene::new().await;
        scene.fault("metadata", Which::All, kind.clone());
        let error = local_instance(&scene.account).await.unwrap_err();
        assert!(matches!(error, MetadataError::NoAnswer(_)), "{kind:?}: {error}");
        assert!(error.to_string().ends_with("name the instance with -i"), "{error}");
        assert!(scene.elapsed() <= SignedDuration::from_secs(10), "{kind:?}: {:?}", scene.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn an_option_settles_the_region_without_a_question() {
    let scene = Scene::new().await;
    let choice = engine::region::choose(&scene.account, Some(region(WEST))).await.unwrap();
    assert_eq!((choice.region, choice.from.to_string().as_str()), (region(WEST), "-r"));
    assert!(scene.sim.calls().is_empty());
}

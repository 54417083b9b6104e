//! How far images are that are waited for, for somebody who watches; and that it costs nothing where nobody does.

use ec2_sim::{FaultKind, Which};
use engine::{Ending, Event, Meter};

use crate::common::{Asking as _, DB, EUROPE, HOME, How, Scene, WEB};

/// What was told of how far images are: where, how much is done, and of how much.
fn told(scene: &Scene) -> Vec<(String, u64, u64)> {
    let told = |event: Event| match event {
        Event::Progress { region, done_mib, mib, .. } => Some((region.to_string(), done_mib, mib)),
        _ => None,
    };
    scene.events().into_iter().filter_map(told).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_done_of_all_volumes_grows() {
    let scene = Scene::new().await;
    let meter = Meter::default();
    let report = scene.image_watched(&meter, &scene.backup_of(DB)).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    let told = told(&scene);
    let volumes: u64 = scene.held(HOME).snapshots.values().map(|snapshot| u64::from(snapshot.volume_size)).sum();
    assert!(told.len() > 3 && told.iter().all(|(region, _, mib)| region == HOME && *mib == volumes * 1024), "{told:?}");
    assert!(told.is_sorted_by_key(|(_, done, _)| *done), "{told:?}");
    assert!(told.iter().any(|(_, done, mib)| (mib / 10..*mib).contains(done)), "{told:?}");
    // One call a poll, whatever there is to be asked about.
    assert!(scene.calls("DescribeSnapshots").len() <= scene.calls("DescribeImages").len());
}

#[tokio::test(start_paused = true)]
async fn copies_are_told_of_where_they_are() {
    let scene = Scene::new().await;
    let report = scene.image_watched(&Meter::default(), &scene.backup_of(WEB).copied_to(EUROPE)).await.unwrap();
    assert_eq!(report.ending, Ending::Done);
    let told = told(&scene);
    assert!([HOME, EUROPE].iter().all(|place| told.iter().any(|(region, ..)| region == place)), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_policys_backups_are_told_of_all_together() {
    let policy = "[[target]]\nname = 'all'\nselect = { all = true }\nschedule = '0 2 * * *'\nkeep-last = 1";
    let scene = Scene::new().await;
    let meter = Meter::default();
    assert_eq!(scene.run_policy_watched(How::default(), Some(&meter), policy).await.ending, Ending::Done);
    let told = told(&scene);
    assert!([HOME, EUROPE].iter().all(|place| told.iter().any(|(region, done, mib)| region == place && done < mib)), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn nobody_watches_and_nothing_is_asked() {
    let scene = Scene::new().await;
    assert_eq!(scene.image(&scene.backup_of(DB)).await.unwrap().ending, Ending::Done);
    assert_eq!((scene.calls("DescribeSnapshots").len(), told(&scene)), (0, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn who_may_not_ask_is_told_nothing_and_asks_once() {
    let denied = FaultKind::Error { status: 403, code: "UnauthorizedOperation".to_owned(), message: "You are not authorized.".to_owned() };
    let scene = Scene::new().await;
    scene.fault("DescribeSnapshots", Which::All, denied);
    let meter = Meter::default();
    for _ in 0..2 {
        let report = scene.image_watched(&meter, &scene.backup_of(DB)).await.unwrap();
        assert_eq!((report.ending, report.failures), (Ending::Done, Vec::new()));
    }
    assert_eq!((scene.calls("DescribeSnapshots").len(), told(&scene)), (1, Vec::new()));
    assert!(!scene.events().iter().any(|event| matches!(event, Event::Waiting(_))));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_holds_up_nothing() {
    let scene = Scene::new().await;
    scene.fault("DescribeSnapshots", Which::All, FaultKind::Hang);
    let report = scene.image_watched(&Meter::default(), &scene.backup_of(WEB)).await.unwrap();
    assert_eq!((report.ending, scene.calls("DescribeSnapshots").len()), (Ending::Done, 1));
    let unwatched = Scene::new().await;
    let usual = unwatched.image(&unwatched.backup_of(WEB)).await.unwrap();
    assert!(
        report.finished.duration_since(report.started) - usual.finished.duration_since(usual.started)
            <= jiff::SignedDuration::from_secs(35)
    );
}

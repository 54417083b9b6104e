//! Who watches is told of every page that is read, and of the end of every listing: what is open is what is being read.

use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use ec2_sim::Which;
use engine::call::Call;
use engine::reading::{Step, Watcher};
use engine::{Account, Connection};

use crate::common::*;

#[tokio::test(start_paused = true)]
async fn each_page_is_told_and_the_end_of_what_is_given_up_too() {
    let scene = Scene::with(|world| (0..2300).for_each(|_| drop(Stock::by_the_scripts(WEB).put(world, HOME)))).await;
    scene.fault("DescribeImages", Which::Nth(2), error(400, "InvalidPaginationToken", "The pagination token is not valid."));
    let told: Arc<Mutex<Vec<Step>>> = Arc::default();
    let tell = Arc::clone(&told);
    let connection = Connection {
        clock: scene.clock,
        http_client: Some(scene.sim.http_client()),
        credentials: Some(SharedCredentialsProvider::new(Credentials::new("AKIDEXAMPLE", "secret", None, None, "tests"))),
        watcher: Watcher::new(move |reading| {
            assert_eq!((reading.call, reading.region.as_str()), (Call::DescribeImages, HOME));
            tell.lock().unwrap().push(reading.step);
        }),
        ..Connection::default()
    };
    let account = Account::open(connection).await.unwrap();
    let report = engine::list(&account, None, &these(&[HOME]), scene.clock.now()).await.unwrap();
    assert_eq!(report.backups.len(), 2300);
    let begun_anew = [Step::Page(1000), Step::Over(1000)];
    let whole = [Step::Page(1000), Step::Page(1000), Step::Page(300), Step::Over(2300)];
    assert_eq!(*told.lock().unwrap(), [&begun_anew[..], &whole].concat());
}

//! Crash points: the process that speaks with EC2 is killed before or after the effect of its n-th call.
//!
//! The simulator cannot kill anybody. It falls silent for good, so that the caller waits for ever, and says
//! when it does: whoever drives the caller then drops it.

use tokio::sync::watch;

/// On which side of a call's effect the caller is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutPoint {
    /// EC2 does nothing.
    Before,
    /// EC2 does as it was asked, and nobody learns of it.
    After,
}

/// The number of calls so far, and the one at which everything falls silent.
#[derive(Debug, Default)]
pub(crate) struct Cut {
    calls: u64,
    at: Option<(u64, CutPoint)>,
    reached: watch::Sender<bool>,
}

impl Cut {
    /// Counts a call: its number, from 1, and whether it is the one.
    pub(crate) fn count(&mut self) -> (u64, Option<CutPoint>) {
        self.calls += 1;
        (self.calls, self.at.filter(|(number, _)| *number == self.calls).map(|(_, point)| point))
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls
    }

    pub(crate) fn arm(&mut self, number: u64, point: CutPoint) {
        self.at = Some((number, point));
    }

    pub(crate) fn reach(&self) {
        self.reached.send_replace(true);
    }

    pub(crate) fn lift(&mut self) {
        self.at = None;
        self.reached.send_replace(false);
    }

    pub(crate) fn is_reached(&self) -> bool {
        *self.reached.borrow()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<bool> {
        self.reached.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::call::Outcome;
    use crate::faults::{Fault, FaultKind, Which};
    use crate::http::Delivery;
    use crate::testing::{Client, WEB};

    const CREATE: [(&str, &str); 2] = [("InstanceId", WEB), ("Name", "nightly")];

    fn images(ec2: &Client) -> usize {
        ec2.sim.world().region("us-east-1").images.len()
    }

    fn cut_in_second_call(point: CutPoint) -> Client {
        let ec2 = Client::of_example();
        ec2.sim.cut_at(2, point);
        ec2.ok("DescribeRegions", &[]);
        assert!(!ec2.sim.is_cut());
        assert_eq!(ec2.deliver("CreateImage", &CREATE), Delivery::Never);
        assert!(ec2.sim.is_cut());
        ec2
    }

    #[test]
    fn the_struck_call_is_done_or_not_and_no_later_one_is() {
        for (point, done) in [(CutPoint::Before, false), (CutPoint::After, true)] {
            let ec2 = cut_in_second_call(point);
            assert_eq!(images(&ec2), usize::from(done));
            let before = ec2.sim.snapshot();
            assert_eq!(ec2.deliver("TerminateInstances", &[("InstanceId.1", WEB)]), Delivery::Never);
            assert_eq!(ec2.sim.snapshot().accounts, before.accounts);
            // The dead make no calls.
            assert_eq!(ec2.sim.calls_made(), 2);
            assert_eq!(ec2.sim.calls()[1].outcome, Outcome::Unanswered { done });
            ec2.sim.uncut();
            assert!(!ec2.sim.is_cut());
            ec2.ok("DescribeRegions", &[]);
            assert_eq!(ec2.sim.calls_made(), 3);
        }
    }

    #[test]
    fn a_call_struck_by_a_fault_too_is_done_if_the_fault_lets_it() {
        for (kind, done) in [(FaultKind::LostRequest, 0), (FaultKind::LostAnswer, 1), (FaultKind::throttled(), 0)] {
            let ec2 = Client::of_example();
            ec2.sim.inject(Fault::of("CreateImage", Which::All, kind));
            ec2.sim.cut_at(1, CutPoint::After);
            assert_eq!(ec2.deliver("CreateImage", &CREATE), Delivery::Never);
            assert_eq!(images(&ec2), done);
            assert_eq!(ec2.sim.calls()[0].outcome, Outcome::Unanswered { done: done == 1 });
        }
    }

    #[test]
    fn calls_to_the_metadata_service_are_not_counted() {
        let ec2 = Client::of_example();
        ec2.sim.cut_at(1, CutPoint::Before);
        let mut request = ec2.request("");
        request.path = "/latest/meta-data".to_owned();
        assert!(matches!(ec2.sim.exchange(&request), Delivery::Answer(_)));
        assert_eq!(ec2.sim.calls_made(), 0);
        assert_eq!(ec2.deliver("DescribeRegions", &[]), Delivery::Never);
        assert_eq!(ec2.sim.exchange(&request), Delivery::Never);
    }

    #[test]
    fn others_change_the_world_just_before_a_call() {
        let ec2 = Client::of_example();
        ec2.sim.before_call(2, |world| assert!(world.perform("us-east-1", "TerminateInstances", &[("InstanceId.1", WEB)])));
        ec2.sim.before_call(9, |world| world.region_mut("us-east-1").instances.clear());
        let state = || ec2.ok("DescribeInstances", &[("InstanceId.1", WEB)]).texts("name")[0].clone();
        assert_eq!([state(), state()], ["running", "shutting-down"]);
        assert_eq!(ec2.sim.calls().len(), 2);
        ec2.sim.clear_faults();
        (0..9).for_each(|_| drop(ec2.ok("DescribeRegions", &[])));
        assert_eq!(state(), "shutting-down");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_the_cut_learns_of_it() {
        let ec2 = Client::of_example();
        ec2.sim.cut_at(1, CutPoint::Before);
        let nobody = tokio::time::timeout(Duration::from_hours(1), ec2.sim.cut()).await;
        assert!(nobody.is_err());
        let (sim, waiting) = (ec2.sim.clone(), ec2.sim.cut());
        let caller = tokio::spawn(async move { ec2.deliver("DescribeRegions", &[]) });
        waiting.await;
        assert_eq!(caller.await.unwrap(), Delivery::Never);
        // Who asks late learns of it at once.
        sim.cut().await;
    }
}

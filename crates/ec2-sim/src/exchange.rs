//! From a request to what becomes of it: which service it is for, which fault strikes, what is answered.

use crate::api::ApiRequest;
use crate::call::{Call, Log, Outcome};
use crate::error::Error;
use crate::faults::{FaultKind, Faults};
use crate::http::{Answer, Delivery, Request};
use crate::metadata::MetadataRequest;
use crate::world::World;

/// Deals with a request to any of the services, and logs it.
pub(crate) fn exchange(request: &Request, world: &mut World, faults: &mut Faults, log: &mut Log) -> Delivery {
    if MetadataRequest::is_at(&request.path) {
        deal(&MetadataRequest::new(request), world, faults, log)
    } else {
        deal(&ApiRequest::new(request), world, faults, log)
    }
}

/// A request to one of the services.
pub(crate) trait Addressed {
    /// What the log says of it, before anything came of it.
    fn call(&self, world: &World) -> Call;
    /// Does what was asked.
    fn perform(&self, world: &mut World) -> (Outcome, Answer);
    /// Does nothing, and answers with an error.
    fn refuse(&self, error: Error, world: &mut World) -> Answer;
}

fn deal(request: &impl Addressed, world: &mut World, faults: &mut Faults, log: &mut Log) -> Delivery {
    let mut call = request.call(world);
    let (outcome, delivery) = match faults.strike(&call.action, &call.region) {
        None => {
            let (outcome, answer) = request.perform(world);
            (outcome, Delivery::Answer(answer))
        }
        Some(FaultKind::Delay(by)) => {
            let (outcome, answer) = request.perform(world);
            (outcome, Delivery::Late(by, answer))
        }
        Some(FaultKind::Error { status, code, message }) => {
            let answer = request.refuse(Error { status, code: code.clone(), message }, world);
            (Outcome::Error(code), Delivery::Answer(answer))
        }
        Some(FaultKind::LostRequest) => (Outcome::Unanswered { done: false }, Delivery::Lost),
        Some(FaultKind::Hang) => (Outcome::Unanswered { done: false }, Delivery::Never),
        Some(FaultKind::LostAnswer) => {
            let (outcome, _) = request.perform(world);
            (Outcome::Unanswered { done: outcome == Outcome::Ok }, Delivery::Lost)
        }
    };
    call.outcome = outcome;
    log.push(call);
    delivery
}

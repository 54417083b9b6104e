//! Processes of the product: each with credentials of its own, so that its calls can be told apart, and each may be cut off.

use std::cell::Cell;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use ec2_sim::Ec2Sim;
use engine::report::{ImageReport, PurgeReport};
use engine::{Account, Clock, Connection, Event, Run, RunError, Stop};
use jiff::{SignedDuration, Timestamp};
use planner::policy::{ImageRequest, PurgePolicy};

use crate::command::{Command, What, region_scope};
use crate::known::known;

/// A command that is given a while after the others.
#[derive(Debug, Clone)]
pub struct Start {
    /// The command.
    pub command: Command,
    /// After what time.
    pub after: Duration,
}

/// What a process was, and what became of it.
#[derive(Debug)]
pub struct Ended {
    /// The access key that it signed its calls with.
    pub key: String,
    /// The command.
    pub command: Command,
    /// For an `image-instance`: the request that it made.
    pub request: Option<ImageRequest>,
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// How it ended.
    pub how: How,
    /// Whether somebody interrupted it.
    pub is_interrupted: bool,
}

/// How a process ended.
#[derive(Debug)]
pub enum How {
    /// `image-instance` or `resume` came to an end.
    Image(Result<ImageReport, RunError>),
    /// `purge-expired-amis` came to an end.
    Purge(Result<PurgeReport, RunError>),
    /// The host died.
    Cut,
}

impl Start {
    /// A command that is given at once.
    pub fn now(command: Command) -> Self {
        Self { command, after: Duration::ZERO }
    }

    /// Runs it to its end, or to the cut.
    pub async fn run(&self, sim: &Ec2Sim, clock: Clock, key: String, interrupt_at: Option<u32>) -> Ended {
        if !self.after.is_zero() {
            tokio::time::sleep(self.after).await;
        }
        let began = clock.now();
        let request = match &self.command.what {
            What::Image(line) => Some(self.command.request(line, began)),
            What::Resume(_) | What::Purge(..) => None,
        };
        let stop = Stop::default();
        let how = tokio::select! {
            biased;
            () = sim.cut() => How::Cut,
            how = self.act(sim, clock, &key, request.as_ref(), interrupt_at, &stop) => how,
        };
        let command = self.command.clone();
        Ended { key, command, request, began, ended: clock.now(), how, is_interrupted: stop.is_requested() }
    }

    async fn act(
        &self,
        sim: &Ec2Sim,
        clock: Clock,
        key: &str,
        request: Option<&ImageRequest>,
        interrupt_at: Option<u32>,
        stop: &Stop,
    ) -> How {
        let account = account(sim, clock, key).await;
        let events = Cell::new(0);
        let listener = |_: &Event| {
            events.set(events.get() + 1);
            if Some(events.get()) == interrupt_at {
                stop.request();
            }
        };
        let Command { what, patience, wait, dry_run } = &self.command;
        let run = Run {
            account: &account,
            clock,
            patience: *patience,
            wait: *wait,
            dry_run: *dry_run,
            listener: &listener,
            stop,
            agreed: None,
            meter: None,
        };
        match (what, request) {
            (What::Image(_), None) => How::Cut,
            (What::Image(_), Some(request)) => How::Image(engine::image_instance(&run, request).await),
            (What::Resume(regions), _) => How::Image(engine::resume(&run, &region_scope(regions.as_deref())).await),
            (What::Purge(regions, policy), _) => How::Purge(engine::purge(&run, &region_scope(regions.as_deref()), policy).await),
        }
    }
}

impl Ended {
    /// The policy, if it was a purge.
    pub fn purge_policy(&self) -> Option<&PurgePolicy> {
        match &self.command.what {
            What::Purge(_, policy) => Some(policy),
            What::Image(_) | What::Resume(_) => None,
        }
    }

    /// Whether it was about that region, as far as it was told.
    pub fn is_about(&self, region: &str) -> bool {
        match &self.command.what {
            What::Image(line) => line.region() == region,
            What::Resume(regions) | What::Purge(regions, _) => regions.as_ref().is_none_or(|regions| regions.contains(&region)),
        }
    }

    /// How long it took.
    pub fn took(&self) -> SignedDuration {
        self.ended.duration_since(self.began)
    }

    /// In a few words.
    pub fn outcome(&self) -> String {
        match &self.how {
            How::Cut => "cut off".to_owned(),
            How::Image(Ok(report)) => format!("{:?}", report.ending),
            How::Purge(Ok(report)) => format!("{:?}", report.ending),
            How::Image(Err(error)) | How::Purge(Err(error)) => format!("error: {error}"),
        }
    }
}

/// The product's way to that EC2.
async fn account(sim: &Ec2Sim, clock: Clock, access_key: &str) -> Account {
    let credentials = Credentials::new(access_key, "secret", None, None, "proof");
    let connection = Connection {
        clock,
        http_client: Some(sim.http_client()),
        credentials: Some(SharedCredentialsProvider::new(credentials)),
        ..Connection::default()
    };
    known(Account::open(connection).await)
}

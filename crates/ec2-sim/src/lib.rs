//! A small, deterministic EC2 that speaks the EC2 Query protocol: real XML, real error envelope, real
//! paging. It serves on loopback, or in-process under the HTTP connector of the AWS SDK.
//!
//! A [`World`] is plain data: what the accounts hold in each region. An [`Ec2Sim`] gives it a clock and
//! a wire. The same seed, and the same calls at the same times, give the same answers to the byte.
//!
//! ```
//! # async fn example() -> std::io::Result<()> {
//! use ec2_sim::{Ec2Sim, World};
//!
//! let sim = Ec2Sim::new(World::example(1, "2026-11-22T12:00:00Z".parse().unwrap()));
//! let web = sim.world().region("us-east-1").instances.values().next().cloned();
//! assert!(web.is_some());
//!
//! // In a test, under the SDK: `.http_client(sim.http_client())`.
//! let client = sim.http_client();
//! // For other tools, over HTTP: `AWS_ENDPOINT_URL=http://127.0.0.1:…`.
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! sim.serve(listener).await
//! # }
//! ```
//!
//! Requests must be signed, for the credential scope says which account and region they are for, but
//! the signature itself is not verified. Where EC2's behaviour is not documented, or may be one way or
//! another, [`Manners`](world::Manners) has a switch. What can go wrong on the way is in [`faults`].

mod actions;
mod api;
mod call;
mod clock;
mod connector;
mod credential;
mod devices;
mod error;
mod exchange;
pub mod faults;
mod filter;
mod http;
pub mod id;
mod idempotency;
mod instances;
mod metadata;
mod naming;
mod paging;
mod query;
mod reference;
mod resource;
mod scope;
mod server;
mod snapshotting;
mod state;
mod tagging;
#[cfg(test)]
mod testing;
mod throttle;
pub mod world;
mod xml;

use std::fmt;
use std::ops::DerefMut;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpListener;

pub use crate::call::{Call, Outcome};
pub use crate::faults::{Fault, FaultKind, Which};
pub use crate::state::StateError;
pub use crate::world::World;

/// A running simulator. Clones are handles to the same one.
#[derive(Clone)]
pub struct Ec2Sim {
    running: Arc<Mutex<Running>>,
}

struct Running {
    world: World,
    clock: clock::Clock,
    faults: faults::Faults,
    log: call::Log,
}

impl Ec2Sim {
    /// Sets a world going. From `world.clock` on, its time passes as tokio's does; in a test with
    /// `start_paused` it costs nothing.
    pub fn new(world: World) -> Self {
        let running =
            Running { clock: clock::Clock::starting_at(world.clock), world, faults: faults::Faults::default(), log: call::Log::default() };
        Self { running: Arc::new(Mutex::new(running)) }
    }

    /// The world as it is now, to look at or to arrange. Calls wait until it is let go.
    pub fn world(&self) -> impl DerefMut<Target = World> {
        Settled(self.settled())
    }

    /// A copy of the world as it is now, that can be saved and later set going again.
    pub fn snapshot(&self) -> World {
        self.settled().world.clone()
    }

    /// The instant by the world's clock.
    pub fn now(&self) -> Timestamp {
        self.lock().clock.now()
    }

    /// Moves the world's clock on, and tokio's not at all.
    pub fn advance(&self, by: SignedDuration) {
        self.lock().clock.skip(by);
    }

    /// A client for the AWS SDK that brings requests here, without a socket. Requests to the metadata
    /// service are answered too.
    pub fn http_client(&self) -> SharedHttpClient {
        connector::http_client(self.clone())
    }

    /// Answers over HTTP/1.1, until the listener fails or the future is dropped.
    pub async fn serve(self, listener: TcpListener) -> std::io::Result<()> {
        server::serve(self, listener).await
    }

    /// The latest calls, the oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().log.calls()
    }

    /// Lets something go wrong with the calls to come.
    pub fn inject(&self, fault: Fault) {
        self.lock().faults.add(fault);
    }

    fn exchange(&self, request: &http::Request) -> http::Delivery {
        let mut running = self.settled();
        let Running { world, faults, log, .. } = &mut *running;
        exchange::exchange(request, world, faults, log)
    }

    fn settled(&self) -> MutexGuard<'_, Running> {
        let mut running = self.lock();
        let now = running.clock.now();
        running.world.settle(now);
        running
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        // A test that panicked while it looked at the world has not broken it.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Ec2Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ec2Sim").finish_non_exhaustive()
    }
}

/// Access to the world while the simulator waits.
struct Settled<'s>(MutexGuard<'s, Running>);

impl std::ops::Deref for Settled<'_> {
    type Target = World;

    fn deref(&self) -> &World {
        &self.0.world
    }
}

impl DerefMut for Settled<'_> {
    fn deref_mut(&mut self) -> &mut World {
        &mut self.0.world
    }
}

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
//! the signature itself is not verified. A world may have roles for `AssumeRole` of STS; the keys that it gives act in
//! the role's account, with their session token and until they expire. Where EC2's behaviour is not documented, or may be one way or
//! another, [`Manners`](world::Manners) has a switch. What can go wrong on the way is in [`faults`]. A world, and
//! what shall go wrong in it, can be written down by hand: `world.example.toml` and `faults.example.toml`.

mod actions;
mod api;
mod body;
mod call;
mod caller;
mod clock;
mod connector;
mod copying;
mod credential;
mod cut;
mod devices;
mod error;
mod exchange;
mod fault_plan;
pub mod faults;
mod filter;
mod http;
pub mod id;
mod idempotency;
mod instances;
mod launch_devices;
mod launch_templates;
mod metadata;
mod naming;
mod paging;
mod query;
mod quotas;
mod rbin;
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
mod toml_file;
pub mod world;
mod world_file;
mod xml;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::DerefMut;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpListener;

pub use crate::call::{Call, Outcome};
pub use crate::cut::CutPoint;
pub use crate::fault_plan::FaultPlan;
pub use crate::faults::{Fault, FaultKind, RandomFaults, Which};
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
    cut: cut::Cut,
}

impl Ec2Sim {
    /// Sets a world going. From `world.clock` on, its time passes as tokio's does; in a test with
    /// `start_paused` it costs nothing.
    pub fn new(world: World) -> Self {
        let running = Running {
            clock: clock::Clock::starting_at(world.clock),
            world,
            faults: faults::Faults::default(),
            log: call::Log::default(),
            cut: cut::Cut::default(),
        };
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

    /// Lets things go wrong with the calls to come by chance.
    pub fn inject_random(&self, faults: RandomFaults) {
        self.lock().faults.add_random(faults);
    }

    /// Nothing that was injected goes wrong any more.
    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// How many calls have been struck by faults, by [the names](FaultKind::name) of their kinds.
    pub fn strikes(&self) -> BTreeMap<String, u64> {
        self.lock().faults.strikes().clone()
    }

    /// How many calls have been made, to all services but the metadata service. Unlike the log it
    /// forgets none.
    pub fn calls_made(&self) -> u64 {
        self.lock().cut.calls()
    }

    /// How many calls have changed something.
    pub fn effects(&self) -> u64 {
        *self.lock().log.effects().borrow()
    }

    /// Resolves when more calls than that have changed something: then there is something to save.
    pub fn effects_beyond(&self, seen: u64) -> impl Future<Output = ()> + Send + 'static {
        let mut effects = self.lock().log.effects();
        let sim = self.clone();
        async move {
            // The other end is in the simulator, which is held here: it cannot go away.
            let _ = effects.wait_for(|effects| *effects > seen).await;
            drop(sim);
        }
    }

    /// Kills the caller before or after the effect of a call: that one is never answered, and neither is any
    /// later one, nor does a later one have an effect. Calls are counted as in [`calls_made`](Self::calls_made),
    /// so that the next one is `calls_made() + 1`; a number that has passed is never reached. There is one cut
    /// at a time.
    ///
    /// Whoever drives the caller drops it when [`cut`](Self::cut) resolves, and goes on after
    /// [`uncut`](Self::uncut).
    pub fn cut_at(&self, call: u64, point: CutPoint) {
        self.lock().cut.arm(call, point);
    }

    /// Whether the cut has been reached.
    pub fn is_cut(&self) -> bool {
        self.lock().cut.is_reached()
    }

    /// Resolves when the cut is reached.
    pub fn cut(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut reached = self.lock().cut.watch();
        let sim = self.clone();
        async move {
            // The other end is in the simulator, which is held here: it cannot go away.
            let _ = reached.wait_for(|reached| *reached).await;
            drop(sim);
        }
    }

    /// Answers again, whoever calls. What hung goes on hanging.
    pub fn uncut(&self) {
        self.lock().cut.lift();
    }

    fn exchange(&self, request: &http::Request) -> http::Delivery {
        let mut running = self.settled();
        let Running { world, faults, log, cut, .. } = &mut *running;
        exchange::exchange(request, world, faults, log, cut)
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

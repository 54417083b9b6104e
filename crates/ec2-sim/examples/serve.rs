//! Serves the example world on loopback, or one that is written down, and prints where.
//!
//! ```text
//! $ cargo run -p ec2-sim --example serve -- world.toml
//! http://127.0.0.1:40123
//! $ AWS_ENDPOINT_URL=http://127.0.0.1:40123 aws ec2 describe-instances
//! ```

use ec2_sim::{Ec2Sim, World};
use jiff::Timestamp;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "the address is what it is run for")]
async fn main() -> std::io::Result<()> {
    let now = Timestamp::now();
    let world = match std::env::args_os().nth(1) {
        Some(written) => World::load_as_of(written, now).map_err(std::io::Error::other)?,
        None => World::example(1, now),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    Ec2Sim::new(world).serve(listener).await
}

//! Bodies that only those read who have the key, whoever passes them on.
//!
//! ```text
//!   sender                    broker, host, anybody                    receiver
//!   Sealing ── envelope ──►   passes it on, cannot read  ── envelope ──►   Sealing
//!      └────────────────────────── KeyRing ──────────────────────────────────┘
//! ```
//!
//! TLS protects the way between two processes; whoever stands between sender and receiver as a process
//! of its own, such as a broker, reads everything. A sealed body is encrypted by its sender and
//! decrypted by its receiver, and bound to who sent it, to the method or topic, to its encoding and to
//! its place in a call, so that nobody can alter it, deliver it as something else, or a second time.
//! What stands beside a body is not sealed: names of methods and topics, metadata and headers, lengths,
//! times, and failures of Linkspan itself.
//!
//! Both sides have the same [`KeyRing`], usually a file that `linkspan key new` makes. Whoever has it can
//! read everything that is sealed with it, and can claim any name: who shares a ring trusts each other.
//!
//! | to seal | do |
//! |---|---|
//! | what a client asks, and what it is answered | [`rpc::Client::sealed`](crate::rpc::Client::sealed) |
//! | what a server answers | [`rpc::Server::sealed`](crate::rpc::Server::sealed), [`rpc::Router::sealed`](crate::rpc::Router::sealed) |
//! | what goes over a bus | `bus::Client::sealed` |
//! | anything else | [`Sealer`] and [`Opener`] |
//!
//! A receiver remembers what it has opened, and opens nothing twice: [`ReplayLimits`]. It forgets when
//! its process ends. So what somebody recorded can be replayed once to a receiver that was started
//! since, as long as the key is in the ring; [rotation](Rotation) ends that, too.
//!
//! # Examples
//!
//! ```
//! use linkspan::auth::seal::{Algorithm, KeyRing, Sealing};
//! use linkspan::rpc::{CallError, Client, Context, Server};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Both sides would open one file: `KeyRing::open("/etc/app/app.ring")?`.
//! let ring = KeyRing::generate(Algorithm::Aes256Gcm)?;
//!
//! let serving = Server::new()
//!     .method("vault.read", async |name: String, _: Context| Ok::<_, CallError>(name + ": 42"))
//!     .sealed(&Sealing::new(ring.clone(), "vault"))
//!     .listen("mem:vault")
//!     .await?;
//!
//! let client = Client::connect("mem:vault").await?.sealed(&Sealing::new(ring, "ada"));
//! let answer: String = client.send_request("vault.read", "answer").await?;
//! assert_eq!(answer, "answer: 42");
//! # drop(serving);
//! # Ok(())
//! # }
//! ```

mod algorithm;
mod binding;
mod cipher;
mod envelope;
mod error;
mod file;
mod key;
mod opener;
mod ring;
mod sealer;
mod sealing;
#[cfg(test)]
mod tests;
mod window;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use binding::{Binding, Part};
pub use error::{OpenError, RingError, SealError};
pub use key::KeyInfo;
pub use opener::{Opener, ReplayLimits};
pub use ring::{KeyRing, Rotate, Rotation};
pub use sealer::Sealer;
pub use sealing::Sealing;

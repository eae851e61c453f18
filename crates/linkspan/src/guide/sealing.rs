//! Bodies that nobody on the way can read.
//!
//! TLS protects what goes between two processes. If a third one stands between, such as a broker or a host
//! that passes calls on, it reads and could change everything. A *sealed* body is encrypted by its
//! sender for its receiver; see [`auth::seal`](crate::auth::seal) for what exactly is promised.
//!
//! # A ring of keys
//!
//! All programs that are to understand each other share a file of keys, which nobody but its owner may
//! read:
//!
//! ```text
//! $ linkspan key new ~/.config/app/app.ring
//! ```
//!
//! Whoever has the file can read everything and claim any name, so a ring is for programs that trust
//! each other. Copy it to other machines as you would a private key.
//!
//! # Calls
//!
//! The server seals all its answers, and answers nobody who does not seal. The client takes only
//! sealed answers. Streams are sealed item by item, and their end, too.
//!
//! ```
//! use linkspan::auth::seal::{Algorithm, KeyRing, Sealing};
//! use linkspan::rpc::{CallError, Client, Server};
//!
//! #[linkspan::service]
//! trait Vault {
//!     async fn read(&self, name: String) -> Result<String, CallError>;
//! }
//!
//! struct Memory;
//!
//! impl Vault for Memory {
//!     async fn read(&self, name: String) -> Result<String, CallError> {
//!         Ok(format!("{name} is 42"))
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("private").join("app.ring");
//! # KeyRing::create(&path, Algorithm::Aes256Gcm)?;
//! let sealing = Sealing::new(KeyRing::open(&path)?, "vault");
//! let server = Server::new().service(VaultServer::new(Memory)).sealed(&sealing);
//! let serving = server.listen("mem:guide-vault").await?;
//!
//! // In another process:
//! let sealing = Sealing::new(KeyRing::open(&path)?, "ada");
//! let client = Client::connect("mem:guide-vault").await?.sealed(&sealing);
//! let vault = VaultClient::new(client);
//! assert_eq!(vault.read("answer".into()).await?, "answer is 42");
//! # drop(serving);
//! # Ok(())
//! # }
//! ```
//!
//! A handler finds who sealed its request in the metadata `sealed-sender`. For methods of both sorts at one
//! address, seal only one of two routers: `Server::new().service(secret.sealed(&sealing)).service(open)`.
//! A handler that only passes requests on (`Router::raw_method`) needs no key.
//!
//! # A bus
//!
//! `bus::Client::sealed` gives a client whose messages and calls the broker passes on unread. It sees names,
//! topics and headers. What is not sealed is an error in its place of a subscription.
//!
//! # What can go wrong
//!
//! | code | what happened | what to do |
//! |---|---|---|
//! | `not_sealed` | the other side does not seal | give it the ring |
//! | `unknown_key` | it has another ring, or this one has not been brought up to date | compare `linkspan key list` |
//! | `tampered` | somebody altered the body, or made it without the key | look who stands between |
//! | `misaddressed` | somebody delivered it as something else, or claims another name | look who stands between |
//! | `replayed` | it came before, or one body was overtaken by 16,384 others | look who stands between |
//! | `cut_off` | a stream ended before its sealed end | ask again |
//!
//! They come as [`CallError::Failed`](crate::rpc::CallError::Failed), on a bus as `OpenError`.
//!
//! # Replacing keys
//!
//! `linkspan key rotate FILE` adds a key; programs that have the file open follow it, and what was sealed
//! before is still opened. [`Rotation`](crate::auth::seal::Rotation) has them do it by themselves, by time or
//! by the number of bodies. Where copies of the file are on several machines, make the key with
//! `--in 10m` and bring the file there before it seals. To shut somebody out, make a new ring.

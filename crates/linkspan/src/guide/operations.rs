//! Limiting, stopping, reloading, counting and watching a server.
//!
//! # Limits
//!
//! All are fields of [`ServerConfig`] and [`ClientConfig`]; docs/protocol.md, section 11, tells who checks
//! what and what the other side sees.
//!
//! | field | default | it limits |
//! |---|---|---|
//! | `session.limits.max_frame_bytes` | 1 MiB | one frame of the peer's; larger bodies are cut into pieces by themselves |
//! | `session.limits.max_streams` | 1,024 | requests of the peer's at once; further ones wait there |
//! | `session.limits.stream_credit` | 1 MiB | unread bytes of one stream |
//! | `session.limits.connection_credit` | 8 MiB | unread bytes of one connection; at least four times `max_frame_bytes` |
//! | `session.max_message_bytes` | 64 MiB | a body that is collected into one piece |
//! | `session.max_collected_bytes` | 256 MiB | such bodies of all requests of one connection together |
//! | `session.send_buffer_bytes` | 256 KiB | encoded bytes that wait for the socket |
//! | `session.stream_buffer_bytes` | 256 KiB | bytes that wait on one stream |
//! | `session.handshake_timeout` | 2 s | the handshake |
//! | `session.read_timeout` | 30 s | a frame that was begun |
//! | `session.write_timeout` | 10 s | a peer that takes nothing |
//! | `session.heartbeat_interval`, `session.heartbeat_misses` | 15 s, 3 | silence, 60 s together |
//! | `session.handler_timeout` | none | a handler, until its answer begins |
//! | `transport.unix_socket.max_connections` | 100 | clients; further ones are told to come later |
//! | `transport.tcp.max_connections` | 50 | the same |
//! | `transport.in_process.buffer_size` | 1,000 | frames in each direction of a `mem:` link |
//! | `transport.in_process.max_concurrent_tasks` | 100 | requests at once of a `mem:` link |
//! | `transport.unix_socket.connection_timeout`, `transport.tcp.connection_timeout` | 30 s | a client's connect and handshake together |
//!
//! ```
//! use std::time::Duration;
//! use linkspan::rpc::{Server, ServerConfig};
//!
//! let mut config = ServerConfig::default();
//! config.session.max_message_bytes = 1024 * 1024;
//! config.session.handler_timeout = Some(Duration::from_secs(30));
//! config.transport.unix_socket.max_connections = 1_000;
//! let server = Server::new().config(config);
//! ```
//!
//! # Stopping
//!
//! [`Serving::stop`] accepts nothing new, says goodbye to all clients, gives what is under way the time
//! that you say, and reports what it cut off. Clients see no error: requests that came too late are sent
//! again to the successor. Dropping a [`Serving`] ends everything at once.
//!
//! ```
//! use std::time::Duration;
//! use linkspan::rpc::{CallError, Client, Context, Server};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let serving = Server::new()
//!     .method("work", async |(): (), _: Context| {
//!         tokio::time::sleep(Duration::from_millis(50)).await;
//!         Ok::<_, CallError>("done")
//!     })
//!     .listen("mem:guide-stop")
//!     .await?;
//! let client = Client::connect("mem:guide-stop").await?;
//! let work = tokio::spawn(async move { client.send_request::<String>("work", &()).await });
//! # while !serving.connections().iter().any(|one| one.stats().session.streams_handled == 1) {
//! #     tokio::time::sleep(Duration::from_millis(1)).await;
//! # }
//!
//! // In a program, after `tokio::signal::ctrl_c().await`:
//! let report = serving.stop(Duration::from_secs(10)).await;
//! assert_eq!((report.connections, report.cut), (1, 0));
//! assert_eq!(work.await??, "done");
//! # Ok(())
//! # }
//! ```
//!
//! A client ends its connection when its last clone is dropped; what is under way has 5 s then.
//!
//! # Reloading
//!
//! [`Serving::reconfigure`] takes new settings for connections that come from now on; those that are open
//! keep theirs. What belongs to the listening socket itself (its path and mode) stays.
//! [`Serving::also`] and [`Serving::no_longer`] add and remove addresses.
//!
//! ```
//! # use linkspan::rpc::{Server, ServerConfig};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut serving = Server::new().listen("mem:guide-reload").await?;
//! let mut config = ServerConfig::default();
//! config.transport.unix_socket.max_connections = 200;
//! serving.reconfigure(config).await?;
//!
//! let tcp = serving.also("tcp:127.0.0.1:0").await?;
//! assert!(serving.no_longer(&tcp));
//! # Ok(())
//! # }
//! ```
//!
//! # Counting
//!
//! [`Serving::stats`] gives for each address how many connections are open, were accepted, and were
//! refused, and why: [`ListenerStats`](crate::rpc::ListenerStats). [`Connection::stats`] counts frames,
//! bytes and streams of one connection; [`Serving::connections`] gives those that are open. A caller that
//! sets the metadata [`Metadata::USAGE`](crate::Metadata::USAGE) gets what its call cost:
//!
//! ```
//! use linkspan::rpc::{CallError, Client, Context, Request, Server};
//! use linkspan::Metadata;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let serving = Server::new()
//! #     .method("work", async |(): (), _: Context| Ok::<_, CallError>("done"))
//! #     .listen("mem:guide-usage")
//! #     .await?;
//! # let client = Client::connect("mem:guide-usage").await?;
//! let mut request = Request::new("work", "");
//! request.metadata.get_or_insert_default().set_text(Metadata::USAGE, "yes");
//! let response = client.call(request).await?;
//! let usage = response.metadata.and_then(|metadata| metadata.usage());
//! println!("took {:?}", usage.ok_or("the server does not tell")?.time);
//! # drop(serving);
//! # Ok(())
//! # }
//! ```
//!
//! # Watching
//!
//! The library logs by `tracing`, never on its own, and no payload. Targets are module paths:
//!
//! | target | level | event |
//! |---|---|---|
//! | `linkspan::session::dispatch`, `linkspan::session::lane` | error | a handler panicked, with its method or topic |
//! | `linkspan::session::accept` | warn | the system cannot accept: out of descriptors |
//! | `linkspan::rpc::router` | warn | an event's body is not what its handler takes |
//! | `linkspan::session::reconnect` | info | connected again |
//! | `linkspan::session::reconnect` | debug | connection lost, cannot connect |
//! | `linkspan::session::connect`, `linkspan::session::driver` | debug | connected; connection over, and why |
//! | `linkspan::session::accept` | debug | a client's handshake failed |
//! | `linkspan::session::driver` | trace | every frame that is received: kind, stream, length |
//!
//! So `linkspan=info` is for every day, `linkspan::session=debug` for connections that come and go, and
//! `linkspan::session=trace` for what is on the wire. There are no spans yet.
//!
//! [`ClientConfig`]: crate::rpc::ClientConfig
//! [`Connection::stats`]: crate::rpc::Connection::stats
//! [`ServerConfig`]: crate::rpc::ServerConfig
//! [`Serving`]: crate::rpc::Serving
//! [`Serving::also`]: crate::rpc::Serving::also
//! [`Serving::connections`]: crate::rpc::Serving::connections
//! [`Serving::no_longer`]: crate::rpc::Serving::no_longer
//! [`Serving::reconfigure`]: crate::rpc::Serving::reconfigure
//! [`Serving::stats`]: crate::rpc::Serving::stats
//! [`Serving::stop`]: crate::rpc::Serving::stop

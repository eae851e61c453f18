//! Where a server listens, who gets in, and who is at the other end.
//!
//! # Choosing
//!
//! | address | between | who gets in | what a side knows of the other |
//! |---|---|---|---|
//! | `mem:NAME` | parts of one process | this process | it is this process |
//! | `unix:PATH` | processes of one machine | this user and root, unless allowed otherwise | user and process, by the kernel's word |
//! | `tcp:HOST:PORT` | processes of one machine | every user and program of the machine | the network address |
//! | `ws:HOST:PORT/PATH` | the same, and web pages that are listed | every user and program of the machine | the network address |
//! | `tls:HOST:PORT` | processes of any two machines | who has a certificate of a trusted authority | the names in its certificate |
//!
//! `unix+tls:PATH` and `wss:HOST:PORT/PATH` are TLS on a Unix socket and under WebSocket; all three need the
//! feature `tls` and [`TlsConfig`](crate::transport::TlsConfig). `pipe:` is for Windows. All forms of text are listed at [`Address`].
//!
//! [`Address::choose`] judges all transports for a situation, the best first:
//!
//! ```
//! use linkspan::{Address, Facts, Platform, Verdict};
//!
//! let mut facts = Facts::this_machine();
//! facts.platform = Platform::Linux;
//! let best = &Address::choose(facts)[0];
//! assert_eq!((best.scheme, best.verdict), ("unix", Verdict::Recommended));
//! ```
//!
//! # Where to put a socket
//!
//! Into a directory of the user's own: `$XDG_RUNTIME_DIR` (`/run/user/1000`, say) for programs of a
//! person, `/run/NAME` for a service, which systemd makes for `RuntimeDirectory=NAME`. `/tmp` will do for
//! a try.
//!
//! - Missing directories are made, with mode 0700.
//! - The directory has to belong to this user or root, and nobody else may write to it, unless it is
//!   sticky as `/tmp` is. Else somebody could put a socket of their own into the place.
//!   A project directory with mode 0775 is refused for this reason.
//! - A relative path counts from the working directory of each process. `~` is not expanded: that is
//!   the shell's work.
//!
//! # Listening
//!
//! ```
//! use linkspan::rpc::{Client, Server};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut serving = Server::new().listen("mem:guide-listening").await?;
//! // The same server at a further address; port 0 lets the system choose one.
//! let tcp = serving.also("tcp:127.0.0.1:0").await?;
//! assert!(!tcp.to_string().ends_with(":0"));
//! Client::connect(&tcp).await?;
//! # Ok(())
//! # }
//! ```
//!
//! For a Unix socket, the server first takes a lock on `PATH.lock` and keeps it for its life. So
//!
//! - of two servers that start at once, one gets the address and the other is told that it is in use;
//! - the socket of a server that was killed is replaced, without asking anybody to remove a file;
//! - a path where something else stands, or somebody listens without the lock, is left alone.
//!
//! The socket is removed when the server stops or is dropped.
//!
//! # Letting others in
//!
//! A socket is the owner's alone (0600) from its first moment on. To serve another user takes two
//! things, a wider mode and the user's number, and the same number in that client's settings, as clients
//! check their server in the same way:
//!
//! ```
//! use linkspan::rpc::ServerConfig;
//!
//! let mut config = ServerConfig::default();
//! let unix = &mut config.transport.unix_socket;
//! unix.file_permissions = 0o660;
//! unix.directory_permissions = 0o750;
//! unix.allowed_uids = vec![1001];
//! ```
//!
//! Who is not let in is refused in the handshake, and counted in
//! [`ListenerStats::refused_untrusted`](crate::rpc::ListenerStats::refused_untrusted).
//!
//! # TCP
//!
//! `tcp:` is not encrypted and knows no users, so it stays on this machine: an address that resolves to
//! anything but loopback is refused, on both sides, unless
//! [`allow_plaintext`](crate::transport::TcpConfig::allow_plaintext) says otherwise. Then everybody on
//! the way can read and change what passes.
//!
//! ```
//! use linkspan::rpc::Server;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let error = Server::new().listen("tcp:0.0.0.0:9000").await.unwrap_err();
//! assert!(error.to_string().contains("plain TCP may not leave this machine"));
//! # }
//! ```
//!
//! # WebSocket
//!
//! `ws:` (feature `ws`) is for what cannot do anything else, such as web pages, or programs behind a
//! proxy that passes WebSocket on. It carries all that `tcp:` carries and stays on this
//! machine like it. A server is at one path, `/` if its address names none; a client asks for the path of
//! its own.
//!
//! Browsers let the scripts of any page connect to this machine. They say which page it is, and a server
//! refuses all that are not
//! [listed](crate::transport::WebSocketConfig::allowed_origins); programs that are no browsers say
//! nothing, and get in.
//!
//! ```
//! # #[cfg(feature = "ws")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use linkspan::rpc::{Client, Server, ServerConfig};
//!
//! let mut config = ServerConfig::default();
//! config.transport.web_socket.allowed_origins = vec!["https://app.example".to_owned()];
//! let serving = Server::new().config(config).listen("ws:127.0.0.1:0/node").await?;
//! Client::connect(serving.address()).await?; // ws:127.0.0.1:PORT/node
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "ws"))]
//! # fn main() {}
//! ```
//!
//! # Who is there
//!
//! A handler asks its [`Context`]; [`Connection::peer`] tells the same of a connection.
//!
//! ```
//! use linkspan::rpc::{CallError, Client, Context, Server};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let path = linkspan::Address::Unix(directory.path().join("s"));
//! let serving = Server::new()
//!     .method("whoami", async |(): (), cx: Context| Ok::<_, CallError>(cx.principal().name))
//!     .listen(&path) // unix:...
//!     .await?;
//! let client = Client::connect(&path).await?;
//! let name: String = client.send_request("whoami", &()).await?;
//! assert!(name.starts_with("uid:"), "{name}");
//! # drop(serving);
//! # Ok(())
//! # }
//! ```
//!
//! A [`Principal`] is `uid:NUMBER` on `unix:` and `mem:`, with the process in its attribute `pid` where
//! the system tells. On `tcp:` and `ws:` within this machine it is `uid:NUMBER` where the system tells (Linux), and
//! otherwise `anonymous`; a program that passes connections on, as a reverse proxy does, is itself that
//! user, whoever is behind it. A process id names a process only as long as that process
//! lives: take it for a log line, not for a permission.
//!
//! [`Identity`](crate::Identity), which [`Connection::peer_identity`] gives, is what the other side says
//! about itself: its name and version. It is for people, and proves nothing.
//!
//! [`Address`]: crate::Address
//! [`Address::choose`]: crate::Address::choose
//! [`Connection::peer`]: crate::rpc::Connection::peer
//! [`Connection::peer_identity`]: crate::rpc::Connection::peer_identity
//! [`Context`]: crate::rpc::Context
//! [`Principal`]: crate::auth::Principal

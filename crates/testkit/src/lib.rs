//! Servers, proxies and networks that misbehave, for the tests of an HTTP client.
//!
//! Everything here works on loopback and behaves the same on every run. The kit knows neither the client nor the add-in that it
//! tests: what a test needs to know of the add-in is in the crate `addin-testkit`.
//!
//! | I need | take |
//! |---|---|
//! | a server that answers every request with the same bytes | [`Peer::answering`], bytes by [`http`](http()) |
//! | a server that answers once and closes the connection | [`Peer::answering_once`], bytes by [`http_closing`] |
//! | a server that does what a script says | [`Peer::start`], and the script uses [`Connection`] |
//! | a server that never answers | [`Peer::silent`] |
//! | a server that sends its answer byte by byte | [`Peer::dripping`], [`Connection::drip`] |
//! | a server that sends without end | [`Connection::flood`] |
//! | a server that closes or resets its connection | [`Connection::close`] |
//! | a server that goes on only after the client has read | [`Connection::send_until_read`] |
//! | a server that ends TLS in order before it closes | [`Connection::send_close_notify`] |
//! | a server that sends a FIN and closes later | [`Connection::send_fin`] |
//! | a server that sends a fatal TLS alert | [`Connection::send_fatal_alert`] |
//! | a server that resets a connection which was idle for too long | [`Peer::resetting_idle`] |
//! | a server that speaks TLS | [`Peer::tls`], certified by [`Authority::server`] |
//! | a server whose certificate is expired, certifies itself, … | [`Authority::server_with`], [`self_signed`](certificates::self_signed) |
//! | a server whose certificate tempts the client to ask elsewhere | [`ask_at`](certificates::ask_at) |
//! | a server with an intermediate authority, and one that does not send its certificate | [`Authority::intermediate`], [`Authority::server_without_chain`] |
//! | a server's own certificate as a file | [`Authority::server_and_pem`] |
//! | a server whose certificate has a signature that the client does not know (P-521) | [`p521`](certificates::p521) |
//! | a network that answers with its log-in page | [`Peer::answering_once`] or [`Peer::tls`] with the answers of [`portal`] |
//! | a server that is asked over TLS and speaks something else | [`Peer::https_url`] of any server |
//! | an address where nobody listens | [`Peer::nobody`], or [`Nobody`] for as long as a value lives |
//! | an address that does not answer at all | [`Unanswered`] |
//! | a working server behind a connection that breaks at byte N | [`Relay`] |
//! | a working server whose connections I can close at any moment | [`Relay::close_connections`] |
//! | a proxy that works and keeps what it was told | [`Proxy`] |
//! | a proxy that opens a tunnel with an odd answer | [`Proxy::establishing`] |
//! | a proxy that refuses a tunnel | [`Proxy::refusing`] |
//! | a proxy that misbehaves in another way | [`Peer::start`] with [`Connection::read_head`] |
//! | a name that is slow, unknown or whose look-up never ends | [`resolver::preload`] |
//! | a name whose look-up ends when the test says so | [`resolver::release`] |
//! | a name with several addresses, of which the first is dead | [`resolver::Name`], [`Unanswered`] |
//! | a connection that ends as if the network had died | [`timed_out::preload`] |
//! | to know how often names were looked up | [`resolver::look_ups`] |
//! | other environment variables, or a process of the test's own | [`apart::rerun`] |
//! | a process that can open few files | [`apart::limit_open_files`] |
//! | a process that forks | `fork()` |
//! | to know whether a SIGPIPE came | `SigpipeWatch` |
//! | a disk that does not answer until the test says so | [`disk::preload`] |
//! | a host that changes its environment all the time, and to know who reads it | [`environment::preload`] |
//! | threads that end only when all have done their work | [`Together`] |
//! | to wait for what comes with time | [`eventually`] |
//! | to check that something is prompt, also on a busy machine | [`prompt`] |

pub mod apart;
pub mod certificates;
pub mod disk;
pub mod environment;
#[cfg(unix)]
mod fork;
mod http;
pub mod peer;
pub mod portal;
mod preload;
pub mod proxy;
pub mod relay;
pub mod resolver;
#[cfg(unix)]
mod sigpipe;
pub mod timed_out;
mod together;
mod unanswered;
mod wait;

pub use crate::http::{http, http_closing};
pub use certificates::Authority;
#[cfg(unix)]
pub use fork::{Forked, fork};
pub use peer::{Close, Connection, Nobody, Peer, https_url};
pub use proxy::Proxy;
pub use relay::{Cut, Relay, Sender};
#[cfg(unix)]
pub use sigpipe::SigpipeWatch;
pub use together::{Held, Together};
pub use unanswered::Unanswered;
pub use wait::{eventually, prompt};

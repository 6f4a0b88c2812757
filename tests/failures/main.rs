//! Whatever the world outside does, a call ends in time, says what happened, does nothing twice and shows no secret.

mod environment;
mod keep_alive;
mod names;
mod never_twice;
mod proxies;
mod secrets;
mod table;
mod tls;
mod waiting;

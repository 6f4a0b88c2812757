//! Connections that several calls share, and that the server closes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use passteam_client::settings::Settings;
use passteam_client::transport::block_on;
use passteam_client::{Cause, Kind, call, call_async};
use testkit::{Close, Connection, Peer, http};

use crate::calls::{CREATED, PemFile, UPDATED, assert_success, create, failure, settings, trusted, update};

/// A server that answers one request on each connection, and closes the connection when the test asks for it.
struct ClosingServer {
    peer: Peer,
    settings: Settings,
    close: mpsc::Sender<()>,
    closed: mpsc::Receiver<()>,
    /// Another server. A call of it lets the runtime notice the closes of this one.
    other: Peer,
    _file: Option<PemFile>,
}

impl ClosingServer {
    fn plain() -> ClosingServer {
        let (script, close, closed) = ClosingServer::script();
        let peer = Peer::start(script);
        let settings = settings(&peer.url());
        ClosingServer { peer, settings, close, closed, other: Peer::answering(http(200, &[], UPDATED)), _file: None }
    }

    fn tls() -> ClosingServer {
        let (script, close, closed) = ClosingServer::script();
        let (peer, settings, file) = trusted(script);
        let other = Peer::answering(http(200, &[], UPDATED));
        ClosingServer { peer, settings, close, closed, other, _file: Some(file) }
    }

    fn script() -> (impl Fn(Connection) + Send + Sync + 'static, mpsc::Sender<()>, mpsc::Receiver<()>) {
        let (close, told) = mpsc::channel();
        let (tell, closed) = mpsc::channel();
        let channels = Mutex::new((told, tell));
        let script = move |mut connection: Connection| {
            if connection.read_request().is_some() {
                connection.send(http(200, &[], CREATED));
                let channels = channels.lock().expect("the channels");
                // Fails if the test has ended.
                if channels.0.recv().is_ok() {
                    connection.send_close_notify();
                    connection.close(Close::Fin);
                    channels.1.send(()).expect("a test that waits");
                }
            }
        };
        (script, close, closed)
    }

    /// Creates cards. Before each, the connection of the last one returns to the pool and the server closes it.
    fn create_over_closed_connections(&self) {
        for round in 1..=100 {
            let report = call(&self.settings, &create());
            assert_success(&report);
            assert_eq!(report.tries, 1, "the first try succeeds");
            assert_success(&call(&settings(&self.other.url()), &update()));
            self.close.send(()).expect("a server that waits");
            self.closed.recv().expect("a close");
            assert_eq!((self.peer.connections(), self.peer.requests().len()), (round, round));
        }
    }
}

#[test]
fn a_connection_that_closes_between_two_calls_does_not_fail_the_next_create() {
    ClosingServer::plain().create_over_closed_connections();
}

#[test]
fn a_tls_connection_that_closes_between_two_calls_does_not_fail_the_next_create() {
    ClosingServer::tls().create_over_closed_connections();
}

#[test]
fn a_close_is_noticed_while_another_thread_waits_for_another_server() {
    let silent = Peer::silent();
    let waiting = {
        let settings = Settings { timeout: Duration::from_secs(3), ..settings(&silent.url()) };
        thread::spawn(move || call(&settings, &update()))
    };
    while silent.connections() == 0 {
        thread::yield_now();
    }
    ClosingServer::plain().create_over_closed_connections();
    assert_eq!(failure(&waiting.join().expect("no panic")).0, Kind::Timeout);
}

#[test]
fn a_call_that_ran_out_of_time_leaves_no_connection_behind() {
    let (tell, closed) = mpsc::channel();
    let tell = Mutex::new(tell);
    let peer = Peer::start(move |mut connection| {
        connection.read_request();
        connection.wait_for_close();
        tell.lock().expect("the channel").send(()).expect("a test that waits");
    });
    let settings = Settings { timeout: Duration::from_millis(300), ..settings(&peer.url()) };
    // On a busy machine a deadline can pass before the connection is made.
    while peer.connections() == 0 {
        assert_eq!(failure(&call(&settings, &create())), (Kind::Timeout, Cause::Deadline));
    }
    // No later call runs the I/O of this connection.
    closed.recv_timeout(Duration::from_secs(60)).expect("a close");
}

#[test]
fn calls_of_many_threads_do_not_hold_up_one_another() {
    const QUICK: usize = 9;
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let slow = Peer::start(move |mut connection| {
        connection.read_request();
        // Fails if the test has ended.
        let _ = released.lock().expect("the channel").recv();
        connection.send(http(200, &[], UPDATED));
    });
    let quick = Peer::answering(http(200, &[], UPDATED));
    let silent = Peer::silent();
    let started = Arc::new(Barrier::new(QUICK + 2));
    let run = |settings: Settings, calls: usize| {
        let started = Arc::clone(&started);
        thread::spawn(move || {
            started.wait();
            (0..calls).map(|_| call(&settings, &update())).collect::<Vec<_>>()
        })
    };
    let slow_call = run(Settings { timeout: Duration::from_secs(60), ..settings(&slow.url()) }, 1);
    let silent_call = run(Settings { timeout: Duration::from_secs(3), ..settings(&silent.url()) }, 1);
    let quick_calls: Vec<_> = (1..=QUICK).map(|number| run(settings(&quick.url()), 10 * number)).collect();
    for (number, thread) in quick_calls.into_iter().enumerate() {
        let reports = thread.join().expect("no panic");
        assert_eq!(reports.len(), 10 * (number + 1));
        reports.iter().for_each(assert_success);
    }
    assert!(!slow_call.is_finished(), "the quick ones went on while it waited");
    release.send(()).expect("a server that waits");
    slow_call.join().expect("no panic").iter().for_each(assert_success);
    assert_eq!(failure(&silent_call.join().expect("no panic")[0]).0, Kind::Timeout);
}

#[test]
fn many_requests_run_at_once_on_one_thread() {
    const MANY: usize = 16;
    let together = Arc::new(Barrier::new(MANY));
    let seen = Arc::new(AtomicUsize::new(0));
    let peer = {
        let seen = Arc::clone(&seen);
        Peer::start(move |mut connection| {
            connection.read_request();
            // Answers none before all have arrived.
            together.wait();
            seen.fetch_add(1, Ordering::SeqCst);
            connection.send(http(200, &[], UPDATED));
        })
    };
    let settings = settings(&peer.url());
    let request = update();
    let reports = block_on(async {
        let mut calls: Vec<_> = (0..MANY).map(|_| Box::pin(call_async(&settings, &request))).collect();
        let mut reports = Vec::new();
        std::future::poll_fn(|context| {
            calls.retain_mut(|call| match call.as_mut().poll(context) {
                std::task::Poll::Ready(report) => {
                    reports.push(report);
                    false
                }
                std::task::Poll::Pending => true,
            });
            if calls.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
        reports
    })
    .expect("a runtime");
    assert_eq!((reports.len(), seen.load(Ordering::SeqCst)), (MANY, MANY));
    reports.iter().for_each(assert_success);
}

#[test]
fn a_call_may_have_a_session_and_a_deadline_of_its_own() {
    let peer = Peer::answering(http(200, &[], UPDATED));
    let settings = settings(&peer.url());
    assert_success(&block_on(call_async(&settings, &update())).expect("a runtime"));
    let late = Settings { timeout: Duration::ZERO, ..settings };
    let report = block_on(call_async(&late, &update())).expect("a runtime");
    assert_eq!((failure(&report), report.tries), ((Kind::Timeout, Cause::Deadline), 0));
    assert_eq!(peer.requests().len(), 1, "nothing is sent after the deadline");
}

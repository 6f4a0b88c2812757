//! Connections that are kept, closed and shared.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use passteam_client::settings::Settings;
use passteam_client::transport::{Session, block_on, deadline};
use passteam_client::{Cause, Kind, call};

use crate::support::{
    CREATED, Connection, Peer, PemFile, UPDATED, assert_success, create, failure, http, settings, trusted, update,
};

/// A server that answers one request on each connection and closes it when it is told to.
struct ClosingServer {
    peer: Peer,
    settings: Settings,
    close: mpsc::Sender<()>,
    closed: mpsc::Receiver<()>,
    /// Another server, a call to which drives the connections of this one.
    other: Peer,
    _file: Option<PemFile>,
}

impl ClosingServer {
    fn plain() -> ClosingServer {
        let (script, close, closed) = ClosingServer::script();
        let peer = Peer::plain(script);
        let settings = settings(&peer.url());
        ClosingServer { peer, settings, close, closed, other: Peer::answering(http(200, &[], UPDATED)), _file: None }
    }

    fn tls() -> ClosingServer {
        let (script, close, closed) = ClosingServer::script();
        let (peer, settings, file) = trusted(script);
        let other = Peer::answering(http(200, &[], UPDATED));
        ClosingServer { peer, settings, close, closed, other, _file: Some(file) }
    }

    fn script() -> (impl Fn(&mut Connection) + Send + Sync + 'static, mpsc::Sender<()>, mpsc::Receiver<()>) {
        let (close, told) = mpsc::channel();
        let (tell, closed) = mpsc::channel();
        let channels = Mutex::new((told, tell));
        let script = move |connection: &mut Connection| {
            if connection.read_request().is_some() {
                connection.write(&http(200, &[], CREATED));
                let channels = channels.lock().expect("the channels");
                // A test that has ended closes nothing more.
                if channels.0.recv().is_ok() {
                    connection.close();
                    channels.1.send(()).expect("a test that waits");
                }
            }
        };
        (script, close, closed)
    }

    /// Creates cards, each time after the connection of the card before went back to the pool and was closed there.
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
fn a_connection_closed_while_nobody_was_calling_does_not_fail_the_next_create() {
    ClosingServer::plain().create_over_closed_connections();
}

#[test]
fn neither_does_a_tls_connection() {
    ClosingServer::tls().create_over_closed_connections();
}

#[test]
fn nor_does_it_while_another_thread_waits_for_another_server() {
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
    let peer = Peer::plain(move |connection| {
        connection.read_request();
        connection.wait_for_close();
        tell.lock().expect("the channel").send(()).expect("a test that waits");
    });
    let settings = Settings { timeout: Duration::from_millis(300), ..settings(&peer.url()) };
    assert_eq!(failure(&call(&settings, &create())), (Kind::Timeout, Cause::Deadline));
    // No further call drives the connection.
    closed.recv_timeout(Duration::from_secs(10)).expect("a close");
}

#[test]
fn calls_of_many_threads_do_not_hold_up_one_another() {
    const QUICK: usize = 9;
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let slow = Peer::plain(move |connection| {
        connection.read_request();
        // Either told to answer, or the test has failed.
        let _ = released.lock().expect("the channel").recv();
        connection.write(&http(200, &[], UPDATED));
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
        Peer::plain(move |connection| {
            connection.read_request();
            // Not one is answered before all have come.
            together.wait();
            seen.fetch_add(1, Ordering::SeqCst);
            connection.write(&http(200, &[], UPDATED));
        })
    };
    let settings = settings(&peer.url());
    let session = Session::open(&settings).expect("a session");
    let until = deadline(Duration::from_secs(10));
    let request = update();
    let reports = block_on(async {
        let mut calls: Vec<_> = (0..MANY).map(|_| Box::pin(session.perform(&request, until))).collect();
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
fn a_call_may_be_performed_on_the_callers_own_terms() {
    let peer = Peer::answering(http(200, &[], UPDATED));
    let settings = settings(&peer.url());
    let (session, request) = (Session::open(&settings).expect("a session"), update());
    let report = block_on(session.perform(&request, deadline(Duration::from_secs(10)))).expect("a runtime");
    assert_success(&report);
    let report = block_on(session.perform(&request, deadline(Duration::ZERO))).expect("a runtime");
    assert_eq!((failure(&report), report.tries), ((Kind::Timeout, Cause::Deadline), 0));
    assert_eq!(peer.requests().len(), 1, "nothing is sent after the deadline");
}

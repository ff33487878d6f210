//! The thread that owns the listeners.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use slab::Slab;

use crate::counters::Counters;
use crate::http::{Http, Pumped};
use crate::listener::{bind_all, canonical};
use crate::pending::{Pending, Progress};
use crate::tls::Identity;
use crate::turn::TurnConnection;
use crate::{FrontConfig, FrontError, Handover, HttpConnection, StillListening};

/// For the TLS handshake, and then again for the first byte.
const SHOW_WITHIN: Duration = Duration::from_secs(10);
/// For the first byte of an answer to an HTTP connection's first request.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// After a failed `accept` (no descriptor left), before the next one.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// Connections in all; beyond this new ones are closed at once.
const MAX_CONNECTIONS: usize = 20_000;
/// HTTP connections of one address, in multiples of those it may have before they show what they
/// are: many people share an address, but nobody may take every place.
const HTTP_PER_PENDING: usize = 16;
/// For the thread to close its listeners.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);
const WAKER: Token = Token(usize::MAX);
const FIRST_LISTENER: usize = usize::MAX - 1024;

type Deliver = Box<dyn Fn(Handover) + Send>;

/// A running front door. Dropping it closes every listener and connection that was not handed over.
pub struct Front {
    shared: Arc<Shared>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
    https_port: u16,
    turn_port: u16,
}

struct Shared {
    identity: Identity,
    counters: Counters,
    pending: AtomicU64,
    http: AtomicU64,
    stop: AtomicBool,
    stop_accepting: AtomicBool,
    listening: Mutex<bool>,
    closed: Condvar,
}

impl Front {
    /// Bind every listener, then start the thread. `handover` is called on it and must not block.
    ///
    /// # Errors
    /// An address that can't be bound, or a certificate that can't be used; nothing is left open.
    pub fn start(config: FrontConfig, handover: Deliver) -> Result<Front, FrontError> {
        let identity = Identity::new(&config.certificate_pem, &config.private_key_pem)?;
        let https = bind_all("https", &config.https)?;
        let turn = bind_all("turn-tcp", &config.turn_tcp)?;
        let port = |listeners: &[TcpListener]| {
            listeners.first().map_or(Ok(0), |l| l.local_addr().map(|a| a.port()))
        };
        let (https_port, turn_port) = (port(&https)?, port(&turn)?);
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let shared = Arc::new(Shared {
            identity,
            counters: Counters::default(),
            pending: AtomicU64::new(0),
            http: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            stop_accepting: AtomicBool::new(false),
            listening: Mutex::new(true),
            closed: Condvar::new(),
        });
        let listeners = https.into_iter().map(|l| (l, true));
        let listeners = listeners.chain(turn.into_iter().map(|l| (l, false))).collect();
        let mut door = Door {
            poll,
            listeners,
            connections: Slab::new(),
            waiting: HashMap::new(),
            serving: HashMap::new(),
            deadlines: VecDeque::new(),
            answers: VecDeque::new(),
            again: Vec::new(),
            accept_again: None,
            generation: 0,
            per_address: config.max_connections_per_address,
            shared: Arc::clone(&shared),
            handover,
        };
        door.register_listeners()?;
        let thread =
            std::thread::Builder::new().name("roomline-front".into()).spawn(move || door.run())?;
        Ok(Front { shared, waker, thread: Some(thread), https_port, turn_port })
    }

    /// The port of the TLS listeners; 0 without any.
    pub fn https_port(&self) -> u16 {
        self.https_port
    }

    /// The port of the plain TURN listeners; 0 without any.
    pub fn turn_port(&self) -> u16 {
        self.turn_port
    }

    /// Use another certificate for new connections.
    ///
    /// # Errors
    /// The two can't be used together; the old ones stay.
    pub fn reload_certificate(&self, certificate: &[u8], key: &[u8]) -> Result<(), FrontError> {
        self.shared.identity.replace(certificate, key)
    }

    /// Close the listeners; connections go on. When this returns, the ports are free.
    ///
    /// # Errors
    /// The thread does not answer within a second; the listeners may still be open.
    pub fn stop_accepting(&self) -> Result<(), StillListening> {
        self.shared.stop_accepting.store(true, Relaxed);
        self.wake();
        let listening = self.shared.listening.lock().unwrap_or_else(PoisonError::into_inner);
        let closed = &self.shared.closed;
        let (open, _) = closed
            .wait_timeout_while(listening, CLOSE_WITHIN, |open| *open)
            .unwrap_or_else(PoisonError::into_inner);
        if *open { Err(StillListening) } else { Ok(()) }
    }

    /// `(name, label, value)` of every counter.
    pub fn counters(&self) -> Vec<(&'static str, &'static str, u64)> {
        self.shared.counters.list()
    }

    /// `(name, label, value)` of every gauge.
    pub fn gauges(&self) -> Vec<(&'static str, &'static str, u64)> {
        vec![
            ("front_connections", "pending", self.shared.pending.load(Relaxed)),
            ("front_connections", "http", self.shared.http.load(Relaxed)),
        ]
    }

    fn wake(&self) {
        if let Err(error) = self.waker.wake() {
            log::error!("the front door can't be woken: {error}");
        }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.shared.stop.store(true, Relaxed);
        self.wake();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the front door's thread had panicked");
        }
    }
}

/// A slot of the table; the generation tells its users apart.
struct Connection {
    generation: u64,
    client: IpAddr,
    state: State,
}

enum State {
    Pending(Box<Pending>),
    Http(Box<Http>),
}

struct Deadline {
    at: Instant,
    key: usize,
    generation: u64,
    /// The handshake's deadline, not the first byte's.
    handshake: bool,
}

struct Door {
    poll: Poll,
    /// The listener, and whether it speaks TLS.
    listeners: Vec<(TcpListener, bool)>,
    /// HTTP connections use two tokens: twice the key for TCP, one more for the application.
    connections: Slab<Connection>,
    /// Pending connections by client address.
    waiting: HashMap<IpAddr, usize>,
    /// HTTP connections by client address.
    serving: HashMap<IpAddr, usize>,
    /// Both queues are in order of time, since each kind of deadline is of one length.
    deadlines: VecDeque<Deadline>,
    answers: VecDeque<Deadline>,
    /// Connections whose turn ended before they would block.
    again: Vec<(usize, u64)>,
    accept_again: Option<Instant>,
    generation: u64,
    per_address: usize,
    shared: Arc<Shared>,
    handover: Deliver,
}

impl Door {
    fn register_listeners(&mut self) -> io::Result<()> {
        for (index, (listener, _)) in self.listeners.iter_mut().enumerate() {
            let token = Token(FIRST_LISTENER + index);
            self.poll.registry().register(listener, token, Interest::READABLE)?;
        }
        Ok(())
    }

    fn run(&mut self) {
        let mut events = Events::with_capacity(256);
        while !self.shared.stop.load(Relaxed) {
            let timeout = self.next_deadline().map(|at| at.duration_since(Instant::now()));
            match self.poll.poll(&mut events, timeout) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    log::error!("the front door closes: {error}");
                    return;
                }
            }
            let now = Instant::now();
            for event in &events {
                match event.token() {
                    WAKER => {}
                    Token(t) if t >= FIRST_LISTENER => self.accept(t - FIRST_LISTENER, now),
                    Token(t) => self.ready(t / 2, now),
                }
            }
            self.go_on(now);
            self.expire(now);
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        if !self.again.is_empty() {
            return Some(Instant::now());
        }
        let queues = [self.deadlines.front(), self.answers.front()];
        queues.into_iter().flatten().map(|d| d.at).chain(self.accept_again).min()
    }

    /// Work that no socket event announces.
    fn go_on(&mut self, now: Instant) {
        if self.shared.stop_accepting.load(Relaxed) {
            self.close_listeners(now);
        }
        if self.accept_again.is_some_and(|at| at <= now) {
            self.accept_again = None;
            for index in 0..self.listeners.len() {
                self.accept(index, now);
            }
        }
        for (key, generation) in std::mem::take(&mut self.again) {
            if self.connections.get(key).is_some_and(|c| c.generation == generation) {
                self.ready(key, now);
            }
        }
    }

    /// Who has come so far is let in: closing would turn them away.
    fn close_listeners(&mut self, now: Instant) {
        for index in 0..self.listeners.len() {
            self.accept(index, now);
        }
        self.free_ports();
    }

    fn free_ports(&mut self) {
        self.listeners.clear();
        *self.shared.listening.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.shared.closed.notify_all();
    }

    fn accept(&mut self, index: usize, now: Instant) {
        loop {
            let Some((listener, tls)) = self.listeners.get(index) else { return };
            let tls = *tls;
            match listener.accept() {
                Ok((tcp, client)) => {
                    Counters::count(&self.shared.counters.accepted);
                    self.admit(tcp, canonical(client), tls, now);
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    log::warn!("a connection could not be accepted: {error}");
                    Counters::count(&self.shared.counters.accept_failed);
                    self.accept_again = Some(now + ACCEPT_AGAIN);
                    return;
                }
            }
        }
    }

    fn admit(&mut self, mut tcp: TcpStream, client: std::net::SocketAddr, tls: bool, now: Instant) {
        let counters = &self.shared.counters;
        if self.connections.len() >= MAX_CONNECTIONS {
            return Counters::count(&counters.total_limit);
        }
        if self.waiting.get(&client.ip()).is_some_and(|n| *n >= self.per_address) {
            return Counters::count(&counters.address_limit);
        }
        let Ok(server) = tcp.local_addr().map(canonical) else {
            return Counters::count(&counters.closed_early);
        };
        // What we write is whole. With Nagle's algorithm a WebSocket's first answers wait for
        // acknowledgements that the client delays, 40 ms each.
        if let Err(error) = tcp.set_nodelay(true) {
            log::debug!("a connection was gone before it began: {error}");
            return Counters::count(&counters.accept_failed);
        }
        let tls = match tls.then(|| self.shared.identity.accept()).transpose() {
            Ok(tls) => tls,
            Err(error) => {
                log::error!("TLS can't be served: {error}");
                return Counters::count(&counters.handshake_failed);
            }
        };
        let entry = self.connections.vacant_entry();
        let key = entry.key();
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = self.poll.registry().register(&mut tcp, Token(2 * key), interest) {
            log::warn!("a connection could not be polled: {error}");
            return Counters::count(&counters.accept_failed);
        }
        self.generation += 1;
        let generation = self.generation;
        let pending = Pending { tcp, tls, client, server, first: Vec::new() };
        let state = State::Pending(Box::new(pending));
        entry.insert(Connection { generation, client: client.ip(), state });
        *self.waiting.entry(client.ip()).or_default() += 1;
        self.shared.pending.fetch_add(1, Relaxed);
        let at = now + SHOW_WITHIN;
        self.deadlines.push_back(Deadline { at, key, generation, handshake: true });
        self.ready(key, now);
    }

    fn ready(&mut self, key: usize, now: Instant) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let generation = connection.generation;
        match &mut connection.state {
            State::Pending(pending) => match pending.advance() {
                Progress::Wait => {}
                outcome => self.shown(key, outcome, now),
            },
            State::Http(http) => match http.pump() {
                Pumped::Wait => {}
                Pumped::Again => self.again.push((key, generation)),
                Pumped::Finished => self.close_http(key),
            },
        }
    }

    /// A pending connection has shown what it is, or ended.
    fn shown(&mut self, key: usize, outcome: Progress, now: Instant) {
        let Some(pending) = self.take_pending(key) else { return };
        let counters = &self.shared.counters;
        match outcome {
            Progress::Turn => self.hand_over_turn(pending),
            Progress::Http => self.hand_over_http(pending, now),
            Progress::Unknown => Counters::count(&counters.unknown_protocol),
            Progress::BadTls => Counters::count(&counters.handshake_failed),
            Progress::Closed => Counters::count(&counters.closed_early),
            Progress::Wait => {}
        }
    }

    fn take_pending(&mut self, key: usize) -> Option<Pending> {
        let State::Pending(mut pending) = self.connections.try_remove(key)?.state else {
            return None;
        };
        uncount(&mut self.waiting, pending.client.ip());
        self.shared.pending.fetch_sub(1, Relaxed);
        if let Err(error) = self.poll.registry().deregister(&mut pending.tcp) {
            log::warn!("a connection could not be taken from the poll: {error}");
        }
        Some(*pending)
    }

    fn hand_over_turn(&self, pending: Pending) {
        let counters = &self.shared.counters;
        let counter = if pending.tls.is_some() { &counters.turn_tls } else { &counters.turn_tcp };
        match TurnConnection::new(pending) {
            Ok(connection) => {
                Counters::count(counter);
                (self.handover)(Handover::Turn(Box::new(connection)));
            }
            Err(_) => Counters::count(&counters.closed_early),
        }
    }

    fn hand_over_http(&mut self, pending: Pending, now: Instant) {
        let (client, server) = (pending.client, pending.server);
        let serving = self.serving.get(&client.ip()).copied().unwrap_or(0);
        if serving >= self.per_address.saturating_mul(HTTP_PER_PENDING) {
            return Counters::count(&self.shared.counters.address_limit);
        }
        let (mut http, fd) = match Http::new(pending) {
            Ok(both) => both,
            Err(error) => {
                log::warn!("an HTTP connection could not be handed over: {error}");
                return Counters::count(&self.shared.counters.accept_failed);
            }
        };
        let entry = self.connections.vacant_entry();
        let key = entry.key();
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registry = self.poll.registry();
        let registered = registry
            .register(&mut http.tcp, Token(2 * key), interest)
            .and_then(|()| registry.register(&mut http.app, Token(2 * key + 1), interest));
        if let Err(error) = registered {
            log::warn!("an HTTP connection could not be polled: {error}");
            return Counters::count(&self.shared.counters.accept_failed);
        }
        self.generation += 1;
        let generation = self.generation;
        let state = State::Http(Box::new(http));
        entry.insert(Connection { generation, client: client.ip(), state });
        *self.serving.entry(client.ip()).or_default() += 1;
        self.shared.http.fetch_add(1, Relaxed);
        Counters::count(&self.shared.counters.http);
        let at = now + ANSWER_WITHIN;
        self.answers.push_back(Deadline { at, key, generation, handshake: false });
        (self.handover)(Handover::Http(HttpConnection { fd, client, server }));
        self.ready(key, now);
    }

    fn close_http(&mut self, key: usize) {
        let closed = self.connections.remove(key);
        uncount(&mut self.serving, closed.client);
        self.shared.http.fetch_sub(1, Relaxed);
    }

    fn expire(&mut self, now: Instant) {
        while let Some(deadline) = due(&mut self.deadlines, now) {
            self.expire_pending(deadline, now);
        }
        while let Some(deadline) = due(&mut self.answers, now) {
            let overdue = self.connections.get(deadline.key).is_some_and(|c| {
                c.generation == deadline.generation
                    && matches!(&c.state, State::Http(http) if !http.answered)
            });
            if overdue {
                Counters::count(&self.shared.counters.http_unanswered);
                self.close_http(deadline.key);
            }
        }
    }

    fn expire_pending(&mut self, deadline: Deadline, now: Instant) {
        let Some(connection) = self.connections.get(deadline.key) else { return };
        let State::Pending(pending) = &connection.state else { return };
        if connection.generation != deadline.generation {
            return;
        }
        if deadline.handshake && pending.handshake_done() {
            let at = now + SHOW_WITHIN;
            self.deadlines.push_back(Deadline { at, handshake: false, ..deadline });
        } else {
            self.take_pending(deadline.key);
            Counters::count(&self.shared.counters.too_slow);
        }
    }
}

impl Drop for Door {
    /// Also when the thread ends by itself, whoever waits for the ports is told.
    fn drop(&mut self) {
        self.free_ports();
    }
}

fn uncount(counts: &mut HashMap<IpAddr, usize>, address: IpAddr) {
    if let Some(count) = counts.get_mut(&address) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&address);
        }
    }
}

/// The first deadline of a queue in order of time, if it has passed.
fn due(queue: &mut VecDeque<Deadline>, now: Instant) -> Option<Deadline> {
    queue.front().is_some_and(|d| d.at <= now).then(|| queue.pop_front())?
}

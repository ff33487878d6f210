//! A media thread.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::time::{Duration, Instant};

use mio::Token;
use rand::RngCore;
use rand::rngs::StdRng;
use roomline_driver::{NoPort, Poller, Readiness};
use roomline_front::TurnConnection;
use roomline_sfu::{Action, Command, ConnectionId, Event, MediaSocket, Shard, Sink, SocketId};

use crate::connections::Connections;
use crate::metrics::{Figures, Metrics};
use crate::outbox::{EngineEvent, Outbox};
use crate::sockets::Sockets;
use crate::timers::Turn;

/// The token of the handle with which other threads end a wait.
pub(crate) const WAKER: Token = Token(usize::MAX);
/// Commands per tick: then packets have their turn.
const COMMANDS_PER_TICK: usize = 64;
/// The shortest sleep. The poller counts in milliseconds, and a timer that stays due must not keep
/// the thread spinning.
const SHORTEST_SLEEP: Duration = Duration::from_millis(1);
/// After the shared ports were given up, how often sockets of clients that have gone are closed.
const SWEEP: Duration = Duration::from_secs(1);
/// Looks for clients that came while the shared ports were being given up.
const ROUNDS: usize = 4;

/// Which media thread, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WorkerIndex(pub(crate) usize);

/// What other threads hand to a media thread.
pub(crate) enum Message {
    /// A decision of Python.
    Command(Command),
    /// A connection that turned out to carry TURN.
    Connection(Box<TurnConnection>),
    /// Publish the figures.
    Measure,
    /// Give the shared UDP ports up, and tell how many clients go on.
    Release(mpsc::Sender<io::Result<usize>>),
    /// End.
    Stop,
}

/// Everything that one media thread owns.
pub(crate) struct Worker {
    pub(crate) index: WorkerIndex,
    pub(crate) shard: Shard,
    pub(crate) poller: Poller,
    pub(crate) sockets: Sockets,
    pub(crate) connections: Connections,
    pub(crate) inbox: Receiver<Message>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) metrics: Arc<Metrics>,
    /// Set when all transports share one port.
    pub(crate) shared_media: Option<MediaSocket>,
    pub(crate) rng: StdRng,
    pub(crate) state: State,
}

/// What a worker remembers from one tick to the next.
#[derive(Default)]
pub(crate) struct State {
    /// Events of this tick.
    events: Vec<EngineEvent>,
    inbox_full: bool,
    /// The poller had more to tell than it could at once.
    crowded: bool,
    timers: Turn,
    /// Set when the ports that many clients share were given up: when to look who has gone.
    next_sweep: Option<Instant>,
    measure: bool,
    stop: bool,
    commands: u64,
    ticks: u64,
}

/// Tells the outbox when the thread ends by a fault.
struct Alarm(Arc<Outbox>);

impl Drop for Alarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}

impl Worker {
    /// Works until it is told to stop.
    pub(crate) fn run(mut self) {
        let _alarm = Alarm(Arc::clone(&self.outbox));
        while !self.state.stop {
            if let Err(error) = self.wait() {
                log::error!("media thread {}: waiting failed: {error}", self.index.0);
                self.outbox.stop();
                return;
            }
            self.tick(Instant::now());
        }
    }

    fn wait(&mut self) -> io::Result<()> {
        let busy =
            self.sockets.has_ready() || self.connections.has_ready() || self.state.inbox_full;
        let timeout = if busy {
            Some(Duration::ZERO)
        } else {
            let due =
                [self.shard.poll_timeout(), self.state.next_sweep].into_iter().flatten().min();
            due.map(|due| due.saturating_duration_since(Instant::now()).max(SHORTEST_SLEEP))
        };
        let (sockets, connections) = (&mut self.sockets, &mut self.connections);
        let all = self.poller.wait(timeout, |Readiness { token, readable, writable }| {
            if token == WAKER {
                // The inbox is looked at in every tick.
            } else if token.0 & 1 == 1 {
                connections.mark_ready(token, readable, writable);
            } else {
                sockets.mark_ready(token);
            }
        })?;
        self.state.crowded = !all;
        Ok(())
    }

    fn tick(&mut self, now: Instant) {
        self.state.ticks += 1;
        self.take_messages(now);
        self.sockets.read(now, &mut self.shard);
        self.connections.read(now, &mut self.shard);
        let unread = self.state.crowded || self.sockets.has_ready() || self.connections.has_ready();
        if self.state.timers.is_due(now, self.shard.poll_timeout(), unread) {
            self.shard.handle_timeout(now);
        }
        let Worker { sockets, connections, .. } = self;
        self.shard.flush(now, &mut Outgoing { sockets, connections, now });
        self.connections.flush(now);
        self.publish();
        self.act();
        self.sweep(now);
        if std::mem::take(&mut self.state.measure) {
            self.metrics.publish(self.figures());
        }
    }

    fn take_messages(&mut self, now: Instant) {
        self.state.inbox_full = false;
        for _ in 0..COMMANDS_PER_TICK {
            match self.inbox.try_recv() {
                Ok(Message::Command(command)) => self.carry_out(now, command),
                Ok(Message::Connection(turn)) => {
                    let Worker { connections, poller, shard, .. } = self;
                    if let Err(error) = connections.add(now, poller, shard, turn) {
                        log::warn!("a TURN connection could not be taken over: {error}");
                    }
                }
                Ok(Message::Release(told)) => {
                    let outcome = self.release_ports(now);
                    if told.send(outcome).is_err() {
                        log::debug!("nobody waits for the release of the ports any more");
                    }
                }
                Ok(Message::Measure) => self.state.measure = true,
                Ok(Message::Stop) | Err(TryRecvError::Disconnected) => {
                    // This tick still sends what that leaves to say.
                    self.shard.close(now);
                    self.state.stop = true;
                    return;
                }
                Err(TryRecvError::Empty) => return,
            }
        }
        self.state.inbox_full = true;
    }

    /// Gives up the ports that many clients share; the clients go on.
    fn release_ports(&mut self, now: Instant) -> io::Result<usize> {
        let Worker { shard, sockets, poller, connections, .. } = self;
        let mut clients = sockets.separate(poller, shard.datagram_clients().into_iter())?;
        for _ in 0..ROUNDS {
            // What waits there may be the first that is heard of a client.
            sockets.read_shared(now, shard);
            let before = clients;
            clients = sockets.separate(poller, shard.datagram_clients().into_iter())?;
            if clients == before {
                break;
            }
        }
        shard.flush(now, &mut Outgoing { sockets, connections, now });
        sockets.close_shared();
        self.state.next_sweep = Some(now + SWEEP);
        Ok(clients)
    }

    /// Closes the own sockets of clients that are gone.
    fn sweep(&mut self, now: Instant) {
        if self.state.next_sweep.is_some_and(|at| at <= now) {
            self.sockets.keep_clients(self.shard.datagram_clients().into_iter());
            self.state.next_sweep = Some(now + SWEEP);
        }
    }

    fn carry_out(&mut self, now: Instant, mut command: Command) {
        self.state.commands += 1;
        if let Command::OpenTransport { request, socket, .. } = &mut command {
            match self.media_socket() {
                Ok(bound) => *socket = Some(bound),
                Err(error) => {
                    let (code, message) = ("no-media-port", error.to_string());
                    let failed = Event::Failed { request: *request, code, message };
                    self.state.events.push(EngineEvent::Shard(failed));
                    return;
                }
            }
        }
        self.shard.handle_command(now, command);
    }

    /// The shard gives it back by an action, also if it refuses the transport.
    fn media_socket(&mut self) -> Result<MediaSocket, NoPort> {
        match self.shared_media {
            Some(_) if self.state.next_sweep.is_some() => Err(NoPort::GivenUp),
            Some(shared) => Ok(shared),
            None => self.sockets.open_media(&self.poller, self.rng.next_u64()),
        }
    }

    fn publish(&mut self) {
        while let Some(event) = self.shard.poll_event() {
            self.state.events.push(EngineEvent::Shard(event));
        }
        self.outbox.push_all(&mut self.state.events);
    }

    /// After the flush: what was sent last still needed the sockets.
    fn act(&mut self) {
        while let Some(action) = self.shard.poll_action() {
            match action {
                Action::ReleaseSocket(socket) => self.sockets.release(socket),
                Action::CloseConnection(connection) => self.connections.close(connection),
            }
        }
    }

    fn figures(&self) -> Figures {
        let mut figures = Figures::default();
        self.shard.visit_counters(&mut |name, label, value| {
            let name = if name == "discarded" { "drops" } else { name };
            figures.counters.push((name, label, value));
        });
        let (sent, received) = (self.sockets.sent(), self.sockets.received());
        figures.counters.extend([
            ("udp_system_calls", "send", sent.system_calls),
            ("udp_system_calls", "receive", received.system_calls),
            ("udp_datagrams", "sent", sent.datagrams),
            ("udp_datagrams", "received", received.datagrams),
            ("udp_runs", "sent", sent.gso_runs),
            ("udp_runs", "refused", sent.gso_refused),
            ("udp_buffers_received", "", received.buffers),
            ("udp_receive_errors", "", received.errors),
            ("drops", "receive-buffer-full", received.overflowed),
            ("drops", "send-buffer-full", sent.dropped_full),
            ("drops", "unreachable", sent.dropped_unreachable),
            ("drops", "send-failed", sent.dropped_other),
            ("drops", "stale-on-connection", self.connections.dropped()),
            ("drops", "events-crowded", self.outbox.lost()),
            ("commands", "", self.state.commands),
            ("ticks", "", self.state.ticks),
        ]);
        self.shard
            .gauges()
            .visit(&mut |name, label, value| figures.gauges.push((name, label, value)));
        figures.gauges.push(("media_ports", "", self.sockets.media_ports_in_use() as u64));
        figures.gauges.push(("client_sockets", "", self.sockets.clients() as u64));
        figures
    }
}

/// Where a shard's packets leave.
struct Outgoing<'a> {
    sockets: &'a mut Sockets,
    connections: &'a mut Connections,
    now: Instant,
}

impl Sink for Outgoing<'_> {
    fn send_datagrams(
        &mut self,
        socket: SocketId,
        local: Option<IpAddr>,
        remote: SocketAddr,
        run: &[u8],
        segment: usize,
    ) {
        self.sockets.send(socket, local, remote, run, segment);
    }

    fn send_message(&mut self, connection: ConnectionId, message: &[u8], droppable: bool) {
        self.connections.send(connection, message, droppable, self.now);
    }
}

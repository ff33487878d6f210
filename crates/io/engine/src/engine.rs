//! The handle that Python holds.

use std::io;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::os::fd::RawFd;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::Waker;
use rand::SeedableRng;
use rand::rngs::StdRng;
use roomline_driver::{Poller, UdpSocket, local_addresses, raise_open_files};
use roomline_front::{Front, Handover, StillListening};
use roomline_sfu::{Certificate, Command, MediaSocket, Shard, ShardConfig, SocketKind};

use crate::config::Config;
use crate::connections::Connections;
use crate::error::{Closed, Listener, StartError, Stopped};
use crate::listen::{Listeners, bind_addresses, bind_error, listen};
use crate::metrics::{Figures, Metric, Metrics};
use crate::outbox::{EngineEvent, Outbox};
use crate::sockets::{Sockets, bind_listener};
use crate::worker::{Message, State, WAKER, Worker, WorkerIndex};

/// Beats on a data channel that asks for them, and the silence that tells of a dead path: three of
/// them did not come back.
const BEAT_INTERVAL: Duration = Duration::from_millis(200);
const SILENT_AFTER: Duration = Duration::from_millis(600);
/// For the media thread to give its shared ports up.
const RELEASE_WITHIN: Duration = Duration::from_secs(5);

/// The running engine. Dropping it closes it.
pub struct Engine {
    outbox: Arc<Outbox>,
    post: Post,
    metrics: Arc<Metrics>,
    running: Mutex<Option<Running>>,
    https_port: u16,
    turn_port: u16,
}

/// What ends with [`Engine::close`].
struct Running {
    front: Front,
    worker: JoinHandle<()>,
}

/// How other threads reach a media thread.
#[derive(Clone)]
struct Post {
    inbox: Sender<Message>,
    waker: Arc<Waker>,
}

impl Post {
    fn send(&self, message: Message) -> Result<(), Closed> {
        self.inbox.send(message).map_err(|_| Closed)?;
        self.wake();
        Ok(())
    }

    fn wake(&self) {
        if let Err(error) = self.waker.wake() {
            log::error!("a media thread could not be woken: {error}");
        }
    }
}

impl Engine {
    /// Binds every listener, then starts the threads.
    ///
    /// # Errors
    /// When the configuration cannot work or the system refuses; then nothing is left running.
    pub fn start(config: Config) -> Result<Engine, StartError> {
        config.check()?;
        if let Err(error) = raise_open_files() {
            log::warn!("the limit of open files could not be raised: {error}");
        }
        let poller = Poller::new().map_err(StartError::io("the poller"))?;
        let waker = poller.waker(WAKER).map_err(StartError::io("the poller"))?;
        let outbox = Arc::new(Outbox::new().map_err(StartError::io("the event descriptor"))?);
        let metrics = Arc::new(Metrics::default());
        let (sender, inbox) = mpsc::channel();
        let post = Post { inbox: sender, waker: Arc::new(waker) };

        let addresses = bind_addresses(&config.bind_addresses)?;
        let Listeners { front, turn_port, turn_udp } =
            listen(&config, &addresses, &|| handover(post.clone(), Arc::clone(&outbox)))?;
        let https_port = front.https_port();
        let ports = Ports { https: https_port, turn: turn_port, turn_udp };
        let parts = Parts { poller, inbox, outbox: &outbox, metrics: &metrics };
        let worker = make_worker(&config, &addresses, ports, parts)?;
        let worker = std::thread::Builder::new()
            .name(format!("roomline-media-{}", worker.index.0))
            .spawn(move || worker.run())
            .map_err(StartError::io("a media thread"))?;
        let running = Mutex::new(Some(Running { front, worker }));
        Ok(Engine { outbox, post, metrics, running, https_port, turn_port })
    }

    /// A descriptor that is readable while events wait. It stays open until the engine is dropped.
    pub fn event_fd(&self) -> RawFd {
        self.outbox.fd()
    }

    /// Hands a command over; never blocks.
    ///
    /// # Errors
    /// After [`close`](Self::close), or when the media thread ended by a fault.
    pub fn submit(&self, command: Command) -> Result<(), Closed> {
        self.post.send(Message::Command(command))
    }

    /// Hands commands over in their order, and wakes the media thread once for all of them.
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    pub fn submit_all(&self, commands: impl IntoIterator<Item = Command>) -> Result<(), Closed> {
        for command in commands {
            self.post.inbox.send(Message::Command(command)).map_err(|_| Closed)?;
        }
        self.post.wake();
        Ok(())
    }

    /// Takes every event that waits.
    ///
    /// # Errors
    /// When the media thread ended by a fault; events from before are given first.
    pub fn events(&self) -> Result<Vec<EngineEvent>, Stopped> {
        self.outbox.take()
    }

    /// Totals since the start; empty after [`close`](Self::close). Waits for the media thread's
    /// next tick, usually well under a millisecond.
    pub fn counters(&self) -> Vec<Metric> {
        self.measure(Front::counters, |figures| figures.counters)
    }

    /// Present values, as [`counters`](Self::counters).
    pub fn gauges(&self) -> Vec<Metric> {
        self.measure(Front::gauges, |figures| figures.gauges)
    }

    fn measure(
        &self,
        front: impl FnOnce(&Front) -> Vec<Metric>,
        pick: impl FnOnce(Figures) -> Vec<Metric>,
    ) -> Vec<Metric> {
        let Some(front) = self.running().as_ref().map(|running| front(&running.front)) else {
            return Vec::new();
        };
        let figures = self.metrics.fetch(|| {
            // If the thread is gone the last figures are as good as any.
            let _ = self.post.send(Message::Measure);
        });
        let mut all = pick(figures);
        all.extend(front);
        all
    }

    /// Uses another certificate for new TLS connections.
    ///
    /// # Errors
    /// When the two do not fit, and then the old ones stay; or after [`close`](Self::close).
    pub fn reload_certificate(&self, certificate: &[u8], key: &[u8]) -> Result<(), StartError> {
        match self.running().as_ref() {
            Some(running) => Ok(running.front.reload_certificate(certificate, key)?),
            None => Err(StartError::Config(Closed.to_string())),
        }
    }

    /// The port of the HTTPS listener.
    pub fn https_port(&self) -> u16 {
        self.https_port
    }

    /// The port of the TURN listeners.
    pub fn turn_port(&self) -> u16 {
        self.turn_port
    }

    /// Closes the TCP listeners. Connections go on, and so does UDP, where the ones that exist and
    /// the ones to come share a socket. Blocks until it is done, for a second at most.
    ///
    /// # Errors
    /// When the front door does not answer: the listeners may still be open.
    pub fn stop_accepting(&self) -> Result<(), StillListening> {
        self.running().as_ref().map_or(Ok(()), |running| running.front.stop_accepting())
    }

    /// Frees every port that others may want to listen on: closes the TCP listeners, the UDP port of
    /// TURN, and the media port if there is only one. Clients that use them go on, each over a socket
    /// of its own; returns how many there are on UDP. New transports are refused from then on, if
    /// they would have used the media port. Blocks until it is done, for some seconds at most.
    ///
    /// # Errors
    /// When the system refuses or the front door does not answer, and then the UDP ports stay as they
    /// are; after [`close`](Self::close); when the media thread does not answer.
    pub fn release_ports(&self) -> io::Result<usize> {
        self.stop_accepting().map_err(io::Error::other)?;
        let (told, outcome) = mpsc::channel();
        self.post.send(Message::Release(told)).map_err(io::Error::other)?;
        outcome.recv_timeout(RELEASE_WITHIN).map_err(io::Error::other)?
    }

    /// Says goodbye to every client, stops every thread and closes every socket, and every HTTP connection that was not taken.
    /// Idempotent.
    pub fn close(&self) {
        let Some(Running { front, worker }) = self.running().take() else { return };
        drop(front);
        // If the thread is gone already there is nobody to stop.
        let _ = self.post.send(Message::Stop);
        if worker.join().is_err() {
            log::error!("the media thread had ended by a fault");
        }
        drop(self.outbox.take());
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.close();
    }
}

/// What the front door does with a connection.
fn handover(post: Post, outbox: Arc<Outbox>) -> Box<dyn Fn(Handover) + Send> {
    Box::new(move |handover| match handover {
        Handover::Turn(turn) => {
            if post.send(Message::Connection(turn)).is_err() {
                log::debug!("a TURN connection came when the engine was closed");
            }
        }
        Handover::Http(http) => outbox.push_all(&mut vec![EngineEvent::Http(http)]),
    })
}

struct Ports {
    https: u16,
    turn: u16,
    turn_udp: Vec<UdpSocket>,
}

struct Parts<'a> {
    poller: Poller,
    inbox: mpsc::Receiver<Message>,
    outbox: &'a Arc<Outbox>,
    metrics: &'a Arc<Metrics>,
}

fn make_worker(
    config: &Config,
    addresses: &[IpAddr],
    ports: Ports,
    parts: Parts<'_>,
) -> Result<Worker, StartError> {
    let Parts { poller, inbox, outbox, metrics } = parts;
    let mut sockets = Sockets::new(addresses.to_vec(), config.media_ports.clone());
    sockets
        .add_shared(&poller, SocketKind::Relay, ports.turn, ports.turn_udp)
        .map_err(StartError::io("the TURN port"))?;
    let shared_media = share_media(config, addresses, &poller, &mut sockets)?;
    let media_ports = match shared_media {
        Some(shared) => shared.port..=shared.port,
        None => config.media_ports.clone(),
    };
    let shard = make_shard(config, addresses, media_ports, ports.turn, ports.https)?;
    Ok(Worker {
        index: WorkerIndex(0),
        shard,
        poller,
        sockets,
        connections: Connections::new(),
        inbox,
        outbox: Arc::clone(outbox),
        metrics: Arc::clone(metrics),
        shared_media,
        rng: seeded()?,
        state: State::default(),
    })
}

/// Binds the one media port, if there is only one.
fn share_media(
    config: &Config,
    addresses: &[IpAddr],
    poller: &Poller,
    sockets: &mut Sockets,
) -> Result<Option<MediaSocket>, StartError> {
    let (first, last) = (*config.media_ports.start(), *config.media_ports.end());
    if first != last {
        return Ok(None);
    }
    let (port, bound) = bind_listener(addresses, first).map_err(bind_error(Listener::Media))?;
    let socket = sockets
        .add_shared(poller, SocketKind::Media, port, bound)
        .map_err(StartError::io("the media port"))?;
    Ok(Some(MediaSocket { socket, port, shared: true }))
}

fn make_shard(
    config: &Config,
    bound: &[IpAddr],
    media_ports: RangeInclusive<u16>,
    turn_port: u16,
    https_port: u16,
) -> Result<Shard, StartError> {
    let refused = |error: roomline_sfu::ShardError| StartError::Shard(error.to_string());
    let shard = ShardConfig {
        addresses: config.addresses.clone(),
        local_addresses: own_addresses(bound),
        media_ports,
        turn_port,
        https_port,
        realm: config.realm.clone(),
        turn_secret: config.turn_secret.clone(),
        max_allocations_per_participant: config.max_allocations_per_participant,
        certificate: Certificate::generate().map_err(refused)?,
        stats_interval: config.stats_interval,
        beat_interval: BEAT_INTERVAL,
        silent_after: SILENT_AFTER,
    };
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Shard::new(shard, Instant::now(), unix, Box::new(seeded()?)).map_err(refused)
}

/// What our sockets may see as their own address.
fn own_addresses(bound: &[IpAddr]) -> Vec<IpAddr> {
    if !bound.iter().any(IpAddr::is_unspecified) {
        return bound.to_vec();
    }
    local_addresses().unwrap_or_else(|error| {
        log::warn!("the addresses of this machine are not known: {error}");
        Vec::new()
    })
}

fn seeded() -> Result<StdRng, StartError> {
    StdRng::try_from_os_rng()
        .map_err(|error| StartError::Io { what: "randomness", source: io::Error::other(error) })
}

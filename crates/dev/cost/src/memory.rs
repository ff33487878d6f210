//! What an idle participant holds: every byte that the media core has taken and not given back.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::rc::Rc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

use roomline_sfu::{Command, MediaSocket, ParticipantId, RequestId, SocketId, TransportId};

use crate::Plan;
use crate::channel;
use crate::client::{Client, Identity};
use crate::inside::{self, Inside, World};

thread_local! {
    static CORE_AT_WORK: Cell<bool> = const { Cell::new(false) };
}

static LIVE: AtomicI64 = AtomicI64::new(0);
/// Bytes of live blocks by their length, the longer ones together in the last place.
static BY_LENGTH: [AtomicI64; LENGTHS] = [const { AtomicI64::new(0) }; LENGTHS];
const LENGTHS: usize = 1 << 20;

/// Lets what `work` takes be counted, or not.
pub fn counted<R>(yes: bool, work: impl FnOnce() -> R) -> R {
    let before = CORE_AT_WORK.replace(yes);
    let result = work();
    CORE_AT_WORK.set(before);
    result
}

/// The system's allocator, which notes in front of each block whether it is counted.
pub struct Counting;

const NOTE: usize = 16;

fn with_note(layout: Layout) -> Option<Layout> {
    let front = layout.align().max(NOTE);
    Layout::from_size_align(layout.size().checked_add(front)?, front).ok()
}

fn count(size: usize, sign: i64) {
    LIVE.fetch_add(sign * size as i64, Relaxed);
    BY_LENGTH[size.min(LENGTHS - 1)].fetch_add(sign * size as i64, Relaxed);
}

// SAFETY: blocks come from the system's allocator with room in front of them that is a multiple of
// their alignment; `dealloc` computes the same layout from the same one.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(noted) = with_note(layout) else { return std::ptr::null_mut() };
        // SAFETY: the layout is not of size zero.
        let start = unsafe { System.alloc(noted) };
        if start.is_null() {
            return start;
        }
        let counted = CORE_AT_WORK.get();
        if counted {
            count(layout.size(), 1);
        }
        // SAFETY: at least `NOTE` bytes, aligned to as much, lie in front of the block.
        unsafe {
            start.cast::<u8>().write(u8::from(counted));
            start.add(noted.align())
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some(noted) = with_note(layout) else { return };
        // SAFETY: `alloc` gave this block out, `noted.align()` behind the start of its own.
        unsafe {
            let start = block.sub(noted.align());
            if start.read() == 1 {
                count(layout.size(), -1);
            }
            System.dealloc(start, noted);
        }
    }
}

/// Chromium's offer with six places for others, as the SDK makes it.
const OFFER: &str = include_str!("../../../pure/sdp/tests/vectors/chromium-join.sdp");

fn offer(identity: &Identity) -> String {
    let lines = OFFER.lines().map(|line| match line.split_once(':') {
        Some(("a=ice-ufrag", _)) => "a=ice-ufrag:peer".to_owned(),
        Some(("a=fingerprint", _)) => format!("a=fingerprint:sha-256 {}", identity.fingerprint()),
        _ => line.to_owned(),
    });
    lines.map(|line| line + "\r\n").collect()
}

/// Lets participants come and do nothing, and tells what they hold.
pub fn measure(plan: &Plan, participants: u16) -> Result<(), Box<dyn Error>> {
    let world = Rc::new(RefCell::new(inside::world()?));
    let identity = Identity::new(plan.profile)?;
    let mut clients = Vec::new();
    // What the first one takes is for all.
    join(&world, &identity, 0, &mut clients)?;
    let (alone, lengths) = (LIVE.load(Relaxed), by_length());
    for number in 1..=participants {
        join(&world, &identity, number, &mut clients)?;
    }
    let each = (LIVE.load(Relaxed) - alone) as f64 / f64::from(participants);
    tell(each, &lengths, participants);
    Ok(())
}

fn join(
    world: &Rc<RefCell<World>>,
    identity: &Identity,
    number: u16,
    clients: &mut Vec<Client<Inside>>,
) -> Result<(), Box<dyn Error>> {
    let (id, port) = (u64::from(number) + 1, 20_000 + number);
    let socket = SocketId(id);
    let open = Command::OpenTransport {
        request: RequestId(id),
        transport: TransportId(id),
        participant: ParticipantId(id),
        offer: offer(identity),
        socket: Some(MediaSocket { socket, port, shared: false }),
        max_send_bitrate: 0,
    };
    let answer = inside::ask(world, open)?;
    let wire = Inside::direct(world, socket, port);
    let mut client = Client::connect(identity, &answer, id, wire, false)?;
    channel::open(&mut client)?;
    clients.push(client);
    let mut world = world.borrow_mut();
    // What was under way settles; the client answers nothing any more.
    world.settle(Duration::from_millis(400));
    Ok(())
}

fn by_length() -> Vec<i64> {
    BY_LENGTH.iter().map(|bytes| bytes.load(Relaxed)).collect()
}

#[expect(clippy::print_stdout, reason = "the result")]
fn tell(each: f64, before: &[i64], participants: u16) {
    println!("{each:.0} bytes for each idle participant; by the length of the blocks:");
    let grown = by_length().into_iter().zip(before).map(|(now, before)| now - before);
    let mut grown: Vec<(usize, f64)> = grown
        .enumerate()
        .map(|(size, bytes)| (size, bytes as f64 / f64::from(participants)))
        .collect();
    grown.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    for (size, bytes) in grown.into_iter().take(20).filter(|(_, bytes)| *bytes > 100.0) {
        println!("{bytes:9.0} in blocks of {size}");
    }
}

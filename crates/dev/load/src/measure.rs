//! What was sent and received while somebody measured.

use serde_json::{Value, json};

use crate::clock::{MICROSECOND, Nanos, SECOND, cpu_time};
use crate::histogram::Histogram;
use crate::incoming::{Counts, Incoming};
use crate::outgoing::{Outgoing, Sent};
use crate::request::Id;
use crate::transport::Transport;

/// A generator busier than this measures itself.
const BUSY: f64 = 0.8;
/// A generator that leaves out more of its packets than this offers another load than was asked for.
const SKIPPED: f64 = 0.2;

/// A measurement under way.
pub(crate) struct Measurement {
    pub(crate) id: Id,
    pub(crate) until: Nanos,
    began: Nanos,
    cpu: Nanos,
    with_streams: bool,
    refused: u64,
    pub(crate) latency: Histogram,
}

impl Measurement {
    pub(crate) fn begin<'a>(
        (id, with_streams): (Id, bool),
        (now, until): (Nanos, Nanos),
        transports: impl Iterator<Item = &'a mut Transport>,
    ) -> Measurement {
        let mut refused = 0;
        for transport in transports {
            transport.session.incoming.iter_mut().for_each(|one| one.before = one.counts);
            transport.session.outgoing.iter_mut().for_each(|one| one.before = one.sent);
            refused += transport.link.refused;
        }
        let latency = Histogram::default();
        Measurement { id, until, began: now, cpu: cpu_time(), with_streams, refused, latency }
    }

    /// What it found.
    pub(crate) fn end<'a>(
        &self,
        now: Nanos,
        transports: impl Iterator<Item = &'a Transport>,
    ) -> Value {
        let mut sums = Sums::default();
        let (mut streams, mut publishers) = (Vec::new(), Vec::new());
        for transport in transports {
            sums.refused += transport.link.refused;
            for stream in &transport.session.incoming {
                let window = stream.counts.since(&stream.before);
                if stream.is_rtx {
                    sums.rtx += window.received;
                    continue;
                }
                sums.receive(&window);
                if self.with_streams {
                    streams.push(told_of_stream(transport, stream, &window));
                }
            }
            for stream in &transport.session.outgoing {
                let window = stream.sent.since(&stream.before);
                sums.send(&window);
                if self.with_streams {
                    publishers.push(told_of_publisher(transport, stream, &window));
                }
            }
        }
        sums.refused = sums.refused.saturating_sub(self.refused);
        let span = now - self.began;
        let seconds = span as f64 / SECOND as f64;
        let cpu = (cpu_time() - self.cpu) as f64 / span as f64;
        let reason = sums.problem(cpu);
        json!({
            "seconds": seconds,
            "received": sums.told_of_receivers(seconds),
            "sent": sums.told_of_senders(seconds),
            "latency_us": self.latencies(),
            "cpu": cpu,
            "void": reason.is_some(),
            "reason": reason,
            "streams": streams,
            "publishers": publishers,
        })
    }

    fn latencies(&self) -> Value {
        if self.latency.count() == 0 {
            return Value::Null;
        }
        let micros = |nanos: Nanos| nanos as f64 / MICROSECOND as f64;
        let quantile = |share| micros(self.latency.quantile(share));
        json!({
            "count": self.latency.count(),
            "p50": quantile(0.5),
            "p90": quantile(0.9),
            "p99": quantile(0.99),
            "p99_9": quantile(0.999),
            "max": micros(self.latency.max()),
        })
    }
}

#[derive(Default)]
struct Sums {
    received: Counts,
    lost: u64,
    /// Packets of retransmission streams, whether they were of use or not.
    rtx: u64,
    sent: Sent,
    refused: u64,
}

impl Sums {
    fn receive(&mut self, window: &Counts) {
        let sum = &mut self.received;
        sum.expected += window.expected;
        sum.received += window.received;
        sum.duplicate += window.duplicate;
        sum.repaired += window.repaired;
        sum.reordered += window.reordered;
        sum.bytes += window.bytes;
        self.lost += window.lost();
    }

    fn send(&mut self, window: &Sent) {
        let sum = &mut self.sent;
        sum.packets += window.packets;
        sum.bytes += window.bytes;
        sum.retransmitted += window.retransmitted;
        sum.nacked += window.nacked;
        sum.keyframe_requests += window.keyframe_requests;
        sum.skipped += window.skipped;
    }

    fn told_of_receivers(&self, seconds: f64) -> Value {
        let got = &self.received;
        let all = got.received + got.duplicate + self.rtx;
        json!({
            "packets": got.received,
            "packets_per_second": all as f64 / seconds,
            "bytes": got.bytes,
            "expected": got.expected,
            "lost": self.lost,
            "duplicate": got.duplicate,
            "repaired": got.repaired,
            "reordered": got.reordered,
            "rtx": self.rtx,
        })
    }

    fn told_of_senders(&self, seconds: f64) -> Value {
        let sent = &self.sent;
        json!({
            "packets": sent.packets,
            "packets_per_second": sent.packets as f64 / seconds,
            "bytes": sent.bytes,
            "retransmitted": sent.retransmitted,
            "nacked": sent.nacked,
            "keyframe_requests": sent.keyframe_requests,
            "skipped": sent.skipped,
            "refused": self.refused,
        })
    }

    /// Why the measurement says more about the generator than about the server.
    fn problem(&self, cpu: f64) -> Option<String> {
        if cpu > BUSY {
            return Some(format!("the load client used {:.0} % of its core", cpu * 100.0));
        }
        let skipped =
            self.sent.skipped as f64 / (self.sent.skipped + self.sent.packets).max(1) as f64;
        if skipped > SKIPPED {
            let share = skipped * 100.0;
            return Some(format!("the load client came too late for {share:.0} % of its packets"));
        }
        let refused = self.refused;
        (refused > 0).then(|| format!("the kernel did not take {refused} datagrams"))
    }
}

fn told_of_stream(transport: &Transport, stream: &Incoming, window: &Counts) -> Value {
    let section = stream.section.and_then(|index| transport.session.sections.get(index));
    json!({
        "transport": transport.name,
        "ssrc": stream.ssrc,
        "mid": section.map(|section| &section.mid),
        "kind": if stream.is_video { "video" } else { "audio" },
        "stream": stream.stream,
        "expected": window.expected,
        "received": window.received,
        "lost": window.lost(),
        "duplicate": window.duplicate,
        "repaired": window.repaired,
        "reordered": window.reordered,
        "bytes": window.bytes,
        "jitter_ms": stream.jitter_ms(),
    })
}

fn told_of_publisher(transport: &Transport, stream: &Outgoing, window: &Sent) -> Value {
    json!({
        "transport": transport.name,
        "section": stream.section,
        "rid": &stream.source.rid,
        "stream": stream.stream,
        "packets": window.packets,
        "bytes": window.bytes,
        "retransmitted": window.retransmitted,
        "nacked": window.nacked,
        "keyframe_requests": window.keyframe_requests,
        "skipped": window.skipped,
    })
}

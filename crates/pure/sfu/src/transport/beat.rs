//! Beats: small messages on a data channel of the client's, which it sends back at once.
//!
//! They measure the path's round trip, and where they are sent something comes at least as often:
//! so silence means that the path is dead, whether or not there is media.

use std::time::{Duration, Instant};

/// The subprotocol of a channel for beats.
pub(crate) const PROTOCOL: &str = "beat/1";

/// Beats that may be under way: an answer that takes longer than these is none.
const OUTSTANDING: usize = 16;

/// Beats are not sent more often.
const SHORTEST: Duration = Duration::from_millis(10);

/// The beats of one transport. Nothing happens without a channel.
#[derive(Debug)]
pub(crate) struct Beats {
    interval: Duration,
    silent_after: Duration,
    channel: Option<Channel>,
    /// That the transport is silent was told.
    silent: bool,
}

#[derive(Debug)]
struct Channel {
    stream: u16,
    next: Instant,
    number: u32,
    /// When each of the last beats was sent, until it is answered.
    sent: [Option<Instant>; OUTSTANDING],
    /// Shortest round trip since the last look.
    shortest: Option<Duration>,
}

impl Beats {
    /// Beats every `interval`; without authentic media or data for `silent_after` there is silence.
    pub(crate) fn new(interval: Duration, silent_after: Duration) -> Self {
        Self { interval: interval.max(SHORTEST), silent_after, channel: None, silent: false }
    }

    /// Beats are sent on this stream from now on. False if they are on another.
    pub(crate) fn open(&mut self, now: Instant, stream: u16) -> bool {
        if self.channel.is_some() {
            return false;
        }
        let sent = [None; OUTSTANDING];
        self.channel = Some(Channel { stream, next: now, number: 0, sent, shortest: None });
        true
    }

    /// True for the stream beats are sent on.
    pub(crate) fn is_on(&self, stream: u16) -> bool {
        self.channel.as_ref().is_some_and(|channel| channel.stream == stream)
    }

    /// The channel is gone.
    pub(crate) fn close(&mut self) {
        self.channel = None;
    }

    /// The beat that is due, and its stream; it counts as sent.
    pub(crate) fn due(&mut self, now: Instant) -> Option<(u16, [u8; 4])> {
        let interval = self.interval;
        let channel = self.channel.as_mut().filter(|channel| channel.next <= now)?;
        // One that is late is not followed by a burst.
        channel.next = (channel.next + interval).max(now + interval / 2);
        channel.number = channel.number.wrapping_add(1);
        channel.sent[channel.number as usize % OUTSTANDING] = Some(now);
        Some((channel.stream, channel.number.to_be_bytes()))
    }

    /// Takes a message of the client. False if it is no answer to a beat under way.
    pub(crate) fn answered(&mut self, now: Instant, data: &[u8]) -> bool {
        let number = <[u8; 4]>::try_from(data).map(u32::from_be_bytes);
        let (Some(channel), Ok(number)) = (&mut self.channel, number) else { return false };
        if channel.number.wrapping_sub(number) as usize >= OUTSTANDING {
            return false;
        }
        let Some(sent) = channel.sent[number as usize % OUTSTANDING].take() else { return false };
        let took = now.saturating_duration_since(sent);
        channel.shortest = Some(channel.shortest.map_or(took, |shortest| shortest.min(took)));
        true
    }

    /// The shortest round trip since this was asked last.
    pub(crate) fn take_rtt(&mut self) -> Option<Duration> {
        self.channel.as_mut().and_then(|channel| channel.shortest.take())
    }

    /// How long nothing has come, if that is silence and was not told yet. `last`: when authentic
    /// media or data came.
    pub(crate) fn falls_silent(&mut self, now: Instant, last: Instant) -> Option<Duration> {
        let silence = now.saturating_duration_since(last);
        let news = self.channel.is_some() && !self.silent && silence >= self.silent_after;
        self.silent |= news;
        news.then_some(silence)
    }

    /// Authentic media or data comes. How long nothing had come, if that it did not was told.
    pub(crate) fn heard(&mut self, now: Instant, last: Instant) -> Option<Duration> {
        let silent = std::mem::take(&mut self.silent);
        silent.then(|| now.saturating_duration_since(last))
    }

    /// When to look next.
    pub(crate) fn poll_timeout(&self, last: Instant) -> Option<Instant> {
        let channel = self.channel.as_ref()?;
        let silence = (!self.silent).then(|| last + self.silent_after);
        Some(silence.map_or(channel.next, |silence| silence.min(channel.next)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(200);
    const SILENCE: Duration = Duration::from_millis(600);

    #[expect(clippy::disallowed_methods, reason = "the one clock reading of the tests")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn one_channel_beats_at_its_interval_and_measures() {
        let start = start();
        let at = |ms| start + Duration::from_millis(ms);
        let mut beats = Beats::new(INTERVAL, SILENCE);
        assert_eq!((beats.due(start), beats.poll_timeout(start)), (None, None));
        assert!(beats.open(start, 4));
        assert!(!beats.open(start, 6), "one is enough");
        assert!(beats.is_on(4) && !beats.is_on(6));
        assert_eq!(beats.due(start), Some((4, [0, 0, 0, 1])));
        assert_eq!(beats.due(at(199)), None);
        assert_eq!(beats.due(at(200)), Some((4, [0, 0, 0, 2])));
        assert!(beats.answered(at(230), &[0, 0, 0, 2]));
        assert!(beats.answered(at(240), &[0, 0, 0, 1]), "late, and no shorter");
        assert!(!beats.answered(at(240), &[0, 0, 0, 1]), "once");
        assert_eq!(beats.take_rtt(), Some(Duration::from_millis(30)));
        assert_eq!(beats.take_rtt(), None);
        beats.due(at(5000)).expect("due");
        assert_eq!(beats.due(at(5099)), None, "no burst");
        beats.close();
        assert!(beats.open(at(6000), 6));
    }

    #[test]
    fn what_is_no_answer_says_nothing() {
        let start = start();
        let mut beats = Beats::new(INTERVAL, SILENCE);
        assert!(!beats.answered(start, &[0, 0, 0, 1]));
        beats.open(start, 0);
        let mut now = start;
        for _ in 0..100 {
            now += INTERVAL;
            beats.due(now);
        }
        for wrong in [0, 84, 101, u32::MAX] {
            assert!(!beats.answered(now, &wrong.to_be_bytes()), "{wrong}");
        }
        for wrong in [&[][..], &[100], &[0, 0, 0, 0, 100]] {
            assert!(!beats.answered(now, wrong));
        }
        assert_eq!(beats.take_rtt(), None);
        assert!(beats.answered(now, &85_u32.to_be_bytes()));
    }

    #[test]
    fn silence_is_told_once_and_so_is_its_end() {
        let start = start();
        let at = |ms| start + Duration::from_millis(ms);
        let mut beats = Beats::new(INTERVAL, SILENCE);
        assert_eq!(beats.falls_silent(at(9000), start), None, "without beats nobody knows");
        beats.open(start, 0);
        beats.due(start);
        beats.due(at(550));
        assert_eq!(beats.poll_timeout(start), Some(at(600)));
        assert_eq!(beats.falls_silent(at(599), start), None);
        assert_eq!(beats.falls_silent(at(600), start), Some(SILENCE));
        assert_eq!(beats.falls_silent(at(700), start), None);
        assert_eq!(beats.poll_timeout(start), Some(at(650)), "it beats on");
        assert_eq!(beats.heard(at(900), start), Some(Duration::from_millis(900)));
        assert_eq!(beats.heard(at(901), at(900)), None);
    }
}

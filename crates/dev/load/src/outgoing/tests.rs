use super::*;

const FRAMES: Pattern = Pattern::Frames { fps: 50.0, packets: 10, bytes: 1200 };

fn stream(pattern: Pattern) -> Outgoing {
    let source = Stream { ssrc: 1, rtx: Some(2), rid: None };
    let mut stream = Outgoing::new((0, 0), source, true, 0, 5);
    stream.start(pattern, SECOND);
    stream
}

/// Sends what is due every millisecond; the packets of each frame.
fn run(stream: &mut Outgoing, span: Nanos) -> Vec<Vec<Packet>> {
    let mut frames = Vec::new();
    for step in 0..span / MILLISECOND {
        let now = SECOND + step * MILLISECOND;
        while let Some(packets) = stream.frame(now) {
            let packets: Vec<Packet> = packets.collect();
            packets.iter().for_each(|packet| stream.keep(packet, b"payload", now));
            frames.push(packets);
        }
    }
    frames
}

fn is_keyframe(frame: &[Packet]) -> bool {
    frame[0].frame.is_some_and(|frame| frame.keyframe)
}

#[test]
fn frames_come_at_their_rate_with_a_keyframe_each_second() {
    let mut stream = stream(FRAMES);
    let frames = run(&mut stream, 3 * SECOND);
    assert_eq!((frames.len(), stream.sent.packets), (150, 1500));
    assert_eq!(frames.iter().filter(|frame| is_keyframe(frame)).count(), 3);
    assert!(frames.iter().all(|frame| frame.len() == 10 && frame[9].marker && !frame[8].marker));
    assert_eq!(frames[1][0].timestamp.wrapping_sub(frames[0][0].timestamp), 1_800);
}

#[test]
fn a_keyframe_comes_when_it_is_asked_for() {
    let mut stream = stream(FRAMES);
    run(&mut stream, SECOND / 2);
    stream.keyframe_wanted();
    let next: Vec<Packet> = stream.frame(2 * SECOND).unwrap().collect();
    assert!(is_keyframe(&next));
    assert_eq!(stream.sent.keyframe_requests, 1);
}

#[test]
fn a_late_sender_skips_what_is_too_old() {
    let mut stream = stream(Pattern::Even { pps: 1_000.0, bytes: 200 });
    let now = 11 * SECOND;
    let frames = std::iter::from_fn(|| stream.frame(now).map(Iterator::count)).count();
    assert_eq!(stream.sent.skipped, 10_000);
    assert_eq!(frames, 1);
    assert!(stream.next_timeout() > now);
}

#[test]
fn a_sender_catches_up_with_what_is_late_by_less_than_a_frame_or_a_millisecond() {
    let mut frames = stream(FRAMES);
    run(&mut frames, SECOND);
    let late = frames.next_timeout() + FRAMES.interval() - 1;
    assert_eq!(frames.frame(late).map(Iterator::count), Some(10));
    assert_eq!((frames.sent.skipped, frames.next_timeout()), (0, late + 1));

    let quick = Pattern::Even { pps: 10_000.0, bytes: 200 };
    let mut even = stream(quick);
    run(&mut even, SECOND);
    let due = even.next_timeout();
    let caught_up = |even: &mut Outgoing, now| {
        std::iter::from_fn(|| even.frame(now).map(Iterator::count)).sum::<usize>()
    };
    assert_eq!(caught_up(&mut even, due + MILLISECOND), 11);
    assert_eq!(even.sent.skipped, 0);
    assert_eq!(caught_up(&mut even, due + 4 * MILLISECOND), 1);
    assert_eq!(even.sent.skipped, 29);
}

#[test]
fn what_was_sent_can_be_asked_for_within_a_second() {
    let mut stream = stream(FRAMES);
    run(&mut stream, SECOND);
    let last = (stream.number - 1) as u16;
    let now = 2 * SECOND;
    let kept = stream.take(last, now).unwrap();
    assert_eq!(
        (kept.number as u16, kept.payload.as_slice(), kept.marker),
        (last, &b"payload"[..], true)
    );
    assert!(stream.take(last, now).is_none());
    stream.put_back(kept);
    assert!(stream.take(last, now).is_some());
    assert!(stream.take(last.wrapping_add(9), now).is_none());
    assert!(stream.take(last.wrapping_sub(1), now + 2 * SECOND).is_none());
    assert_eq!(stream.sent.nacked, 5);
}

#[test]
fn a_payload_fills_the_packet() {
    let mut stream = stream(FRAMES);
    let packet = stream.frame(2 * SECOND).unwrap().next().unwrap();
    let mut out = vec![0; 32];
    stream.write_payload(&packet, (&mut out, 0), SECOND);
    assert_eq!(out.len(), 1200);
    assert_eq!(Stamp::find(&out[32..]).map(|stamp| (stamp.stream, stamp.sent)), Some((0, SECOND)));
}

#[test]
fn impossible_patterns_are_refused() {
    assert_eq!(FRAMES.problem(), None);
    assert!(Pattern::Even { pps: 0.0, bytes: 200 }.problem().is_some());
    assert!(Pattern::Even { pps: 1e9, bytes: 200 }.problem().is_some());
    assert!(Pattern::Audio { bytes: 20, every_ms: 20.0 }.problem().is_some());
    assert!(Pattern::Frames { fps: 30.0, packets: 0, bytes: 200 }.problem().is_some());
}

#[test]
fn a_pattern_is_read_by_its_kind() {
    let read = |text| serde_json::from_str::<Pattern>(text).unwrap();
    assert_eq!(read(r#"{"kind":"frames","fps":50,"packets":10,"bytes":1200}"#), FRAMES);
    let audio = Pattern::Audio { bytes: 160, every_ms: 20.0 };
    assert_eq!(read(r#"{"kind":"audio","bytes":160,"every_ms":20}"#), audio);
}

use super::*;

fn pair(port: u16) -> Pair {
    Pair::Direct {
        socket: SocketId(1),
        local: IpAddr::from([192, 0, 2, 1]),
        remote: SocketAddr::from(([198, 51, 100, 1], port)),
    }
}

const PLAIN: Checked = Checked { priority: 10, nominated: false, previous: false };
const NOMINATED: Checked = Checked { nominated: true, ..PLAIN };
const STEP: Duration = Duration::from_millis(50);

#[expect(clippy::disallowed_methods, reason = "the one clock reading of the tests")]
fn start() -> Instant {
    Instant::now()
}

#[test]
fn the_latest_valid_pair_is_used_until_one_is_nominated() {
    let (mut pairs, now) = (Pairs::default(), start());
    assert_eq!(pairs.selected(), None);
    for port in [1, 2, 3] {
        let change = pairs.check(now, pair(port), PLAIN);
        assert_eq!(change, Change { added: true, selected: true, ..Change::default() });
    }
    assert!(pairs.check(now, pair(1), NOMINATED).selected);
    assert!(!pairs.check(now, pair(2), PLAIN).selected);
    assert_eq!(pairs.selected(), Some(pair(1)));
}

#[test]
fn a_client_that_changes_its_mind_is_followed() {
    let (mut pairs, now) = (Pairs::default(), start());
    pairs.check(now, pair(1), NOMINATED);
    // As Chromium does it: USE-CANDIDATE only on the pair in use, whatever its priority.
    pairs.check(now, pair(1), PLAIN);
    let lower = Checked { priority: 1, ..NOMINATED };
    assert!(pairs.check(now, pair(2), lower).selected);
    pairs.check(now, pair(2), Checked { priority: 1, ..PLAIN });
    assert!(pairs.check(now, pair(1), NOMINATED).selected);
}

#[test]
fn one_nomination_lasts_while_other_pairs_are_checked() {
    let (mut pairs, mut now) = (Pairs::default(), start());
    pairs.check(now, pair(1), NOMINATED);
    for _ in 0..5 {
        now += STEP;
        assert!(!pairs.check(now, pair(1), PLAIN).selected);
        assert!(!pairs.check(now, pair(2), PLAIN).selected);
    }
    assert!(pairs.check(now, pair(2), NOMINATED).selected);
}

#[test]
fn a_client_that_nominates_everything_does_not_make_the_media_jump() {
    let (mut pairs, mut now) = (Pairs::default(), start());
    let low = Checked { priority: 1, ..NOMINATED };
    pairs.check(now, pair(2), low);
    assert!(pairs.check(now, pair(1), NOMINATED).selected);
    for _ in 0..20 {
        now += STEP;
        assert!(!pairs.check(now, pair(2), low).selected);
        assert!(!pairs.check(now, pair(1), NOMINATED).selected);
    }
    // Until the better one is dead.
    for _ in 0..SILENT.as_millis() / STEP.as_millis() {
        now += STEP;
        pairs.check(now, pair(2), low);
    }
    assert_eq!(pairs.selected(), Some(pair(2)));
}

#[test]
fn a_restart_keeps_a_living_path_until_the_nomination_and_leaves_a_dead_one_at_once() {
    let (mut pairs, mut now) = (Pairs::default(), start());
    pairs.check(now, pair(1), NOMINATED);
    pairs.restart();
    assert!(!pairs.check(now, pair(2), PLAIN).selected);
    let change = pairs.check(now, pair(2), NOMINATED);
    assert!(change.selected && change.climbed);

    pairs.restart();
    now += QUIET;
    let change = pairs.check(now, pair(3), PLAIN);
    assert!(change.selected && !change.climbed, "there is nothing left to lose");
    pairs.check(now, pair(3), NOMINATED);
    let late = Checked { previous: true, ..NOMINATED };
    assert!(!pairs.check(now, pair(2), late).selected, "a check from before the restart");
}

#[test]
fn pairs_are_bounded_and_stale_ones_go() {
    let (mut pairs, mut now) = (Pairs::default(), start());
    pairs.check(now, pair(1), NOMINATED);
    for port in 2..=MAX_PAIRS as u16 {
        now += STEP;
        assert_eq!(pairs.check(now, pair(port), PLAIN).evicted, None);
    }
    assert_eq!(pairs.check(now, pair(100), PLAIN).evicted, Some(pair(2)));
    assert_eq!((pairs.iter().count(), pairs.selected()), (MAX_PAIRS, Some(pair(1))));

    now += STALE + STEP;
    pairs.touch(now, pair(1));
    pairs.touch(now, pair(100));
    assert_eq!(pairs.prune(now).len(), MAX_PAIRS - 2);
    assert_eq!(pairs.selected(), Some(pair(1)));
    assert!(pairs.remove(pair(1)));
    assert_eq!(pairs.selected(), Some(pair(100)));
    assert!(pairs.remove(pair(100)));
    assert!(!pairs.remove(pair(100)));
    assert_eq!(pairs.selected(), None);
}

#[test]
fn media_tells_which_nominated_pair_the_client_uses() {
    let (mut pairs, mut now) = (Pairs::default(), start());
    pairs.check(now, pair(1), NOMINATED);
    pairs.check(now, pair(3), PLAIN);
    assert!(pairs.check(now, pair(2), NOMINATED).selected);
    now += STEP;
    assert!(!pairs.hear(now, pair(1)), "the pair in use was heard a moment ago");
    now += QUIET;
    assert!(!pairs.hear(now, pair(3)), "nobody nominated it");
    assert!(pairs.hear(now, pair(1)));
    assert_eq!(pairs.selected(), Some(pair(1)));
    assert!(!pairs.hear(now, pair(1)));
    assert!(!pairs.hear(now, pair(9)));

    pairs.restart();
    assert!(pairs.check(now, pair(2), NOMINATED).selected);
    now += QUIET;
    assert!(!pairs.hear(now, pair(1)), "from before the restart");
}

#[test]
fn one_check_does_not_hold_the_media_for_longer_than_consent_lasts() {
    let (mut pairs, mut now) = (Pairs::default(), start());
    pairs.check(now, pair(1), NOMINATED);
    // A forged source: nobody there will ever be heard again.
    pairs.check(now, pair(2), NOMINATED);
    assert_eq!(pairs.selected(), Some(pair(2)));
    for _ in 0..15 {
        now += Duration::from_secs(2);
        pairs.check(now, pair(1), PLAIN);
        assert_eq!(pairs.prune(now), []);
    }
    now += Duration::from_secs(2);
    pairs.touch(now, pair(1));
    assert_eq!(pairs.prune(now), [pair(2)]);
    assert_eq!(pairs.selected(), Some(pair(1)));
    // Without any other, the transport's own end is near, and the last one stays until then.
    assert_eq!(pairs.prune(now + 2 * STALE), []);
    assert_eq!(pairs.selected(), Some(pair(1)));
}

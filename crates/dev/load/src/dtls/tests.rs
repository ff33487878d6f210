use super::*;
use crate::sdp::RemoteDescription;

/// The fingerprint of a certificate, as a description carries it.
fn promise(identity: &Identity) -> Vec<Fingerprint> {
    let text = format!(
        "a=ice-ufrag:abcd\na=ice-pwd:abcdefghijklmnopqrstuvwx\na=fingerprint:sha-256 {}\n",
        identity.fingerprint
    );
    RemoteDescription::parse(&text).unwrap().fingerprints
}

/// Lets a client and a server talk; what each agreed to.
fn run(profiles: [&[ProfileName]; 2], honest: bool) -> Result<[Box<Keys>; 2], DtlsError> {
    let clock = Clock::new();
    let time = (clock, clock.now());
    let mut identity = Identity::generate().unwrap();
    let other = if honest { promise(&identity) } else { promise(&Identity::generate().unwrap()) };
    let mut ends = [
        Association::new(&mut identity, profiles[0], other.clone(), true, time)?,
        Association::new(&mut identity, profiles[1], other, false, time)?,
    ];
    let mut keys = [None, None];
    for _ in 0..10 {
        for from in [0, 1] {
            for step in ends[from].drain()? {
                match step {
                    Step::Datagram(datagram) => ends[1 - from].handle(time.1, &datagram)?,
                    Step::Connected(agreed) => keys[from] = Some(agreed),
                    Step::Closed => panic!("closed"),
                }
            }
        }
    }
    let [Some(client), Some(server)] = keys else { return Err(DtlsError::NoProfile) };
    Ok([client, server])
}

#[test]
fn both_ends_get_keys_that_fit() {
    use ProfileName::{Cm, Gcm};
    for (offered, profile) in
        [(&[Gcm][..], Profile::AeadAes128Gcm), (&[Cm][..], Profile::AesCm128HmacSha1_80)]
    {
        let [mut client, mut server] = run([offered, &[Gcm, Cm]], true).unwrap();
        assert_eq!((client.profile, server.profile), (profile, profile));
        let plain = *b"\x80\x60\x00\x01\x00\x00\x00\x00\x00\x00\x00\x07payload";
        let mut packet = plain.to_vec();
        client.outbound.seal_rtp(0, &mut packet, 0, 12).unwrap();
        let length = server.inbound.open_rtp(&mut packet, 12).unwrap();
        assert_eq!(packet[..length], plain);
        let mut packet = plain.to_vec();
        server.outbound.seal_rtp(0, &mut packet, 0, 12).unwrap();
        let length = client.inbound.open_rtp(&mut packet, 12).unwrap();
        assert_eq!(packet[..length], plain);
    }
}

#[test]
fn another_certificate_ends_it() {
    let both: &[ProfileName] = &[ProfileName::Gcm, ProfileName::Cm];
    assert!(matches!(run([both, both], false), Err(DtlsError::Fingerprint)));
}

#[test]
fn without_a_common_profile_there_are_no_keys() {
    assert!(run([&[ProfileName::Gcm], &[ProfileName::Cm]], true).is_err());
}

//! The DTLS server, configured as a transport configures it.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use dimpl::certificate::generate_self_signed_certificate;
use dimpl::{Config, Dtls, DtlsCertificate, Output, SrtpProfile};

use crate::input::Steps;

static CERTIFICATE: LazyLock<DtlsCertificate> =
    LazyLock::new(|| generate_self_signed_certificate().expect("a certificate"));

static CONFIG: LazyLock<Arc<Config>> = LazyLock::new(|| {
    let config = Config::builder()
        .srtp_profiles(&[SrtpProfile::AEAD_AES_128_GCM, SrtpProfile::AES128_CM_SHA1_80])
        .use_server_cookie(false)
        .dangerously_set_rng_seed(1)
        .build();
    Arc::new(config.expect("a good configuration"))
});

/// Sends a server the datagrams of the steps, beginning with its first. With the lowest bit of a
/// step's first byte a second passes before, so that what is due is sent again.
pub fn dtls_handshake(data: &[u8]) {
    let mut now = Instant::now();
    let mut server = Dtls::new_auto(CONFIG.clone(), CERTIFICATE.clone(), now);
    let mut buffer = vec![0; 2_048];
    for (control, datagram) in Steps(data).take(16) {
        now += Duration::from_secs(u64::from(control & 1));
        if server.handle_timeout(now).is_err() || server.handle_packet(datagram).is_err() {
            return;
        }
        drain(&mut server, &mut buffer);
    }
}

fn drain(server: &mut Dtls, buffer: &mut Vec<u8>) {
    // A flight has a handful of datagrams; a server that never stops talking is found out here.
    for _ in 0..1_000 {
        match server.poll_output(buffer) {
            Output::Timeout(_) => return,
            Output::BufferTooSmall { needed } => buffer.resize(needed, 0),
            Output::Connected => panic!("a handshake without a client"),
            _ => {}
        }
    }
    panic!("output without end");
}

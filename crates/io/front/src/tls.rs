//! The TLS server configuration, replaceable while connections run.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

use crate::FrontError;

/// Plain bytes rustls may hold for a peer that does not read.
const BUFFER_LIMIT: usize = 64 * 1024;

/// The certificate in use. New connections take it as it is at that moment.
pub(crate) struct Identity {
    config: Mutex<Arc<ServerConfig>>,
}

impl Identity {
    /// Read a chain and its key. Fails where they don't belong together.
    pub(crate) fn new(certificate_pem: &[u8], private_key_pem: &[u8]) -> Result<Self, FrontError> {
        Ok(Self { config: Mutex::new(server_config(certificate_pem, private_key_pem)?) })
    }

    /// Use another certificate from now on. On an error the old one stays.
    pub(crate) fn replace(&self, certificate: &[u8], key: &[u8]) -> Result<(), FrontError> {
        let config = server_config(certificate, key)?;
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// A connection that waits for a ClientHello.
    pub(crate) fn accept(&self) -> Result<ServerConnection, rustls::Error> {
        let config = self.config.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut connection = ServerConnection::new(config)?;
        connection.set_buffer_limit(Some(BUFFER_LIMIT));
        Ok(connection)
    }
}

fn server_config(certificate: &[u8], key: &[u8]) -> Result<Arc<ServerConfig>, FrontError> {
    let unusable = |e: &dyn std::fmt::Display| FrontError::Certificate(e.to_string());
    let chain = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| unusable(&e))?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|e| unusable(&e))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| unusable(&e))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|e| unusable(&e))?;
    // RFC 7443 for TURN clients that do send ALPN; browsers send it for HTTP alone.
    config.alpn_protocols =
        vec![b"http/1.1".to_vec(), b"stun.turn".to_vec(), b"stun.nat-discovery".to_vec()];
    Ok(Arc::new(config))
}

//! The engine as Python holds it.

use std::net::IpAddr;
use std::os::fd::RawFd;
use std::time::Duration;

use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use roomline_engine::{Closed, Config, Metric, StartError};

use crate::command::Command;
use crate::event::Event;

create_exception!(
    roomline._engine,
    EngineError,
    PyException,
    "The engine could not do what was asked; the message says what to do about it."
);
create_exception!(
    roomline._engine,
    BindError,
    EngineError,
    "A listener's address could not be bound. args: (message, listener, address, errno)."
);

fn to_python(error: StartError) -> PyErr {
    let message = error.to_string();
    match error {
        StartError::Bind { listener, address, source } => BindError::new_err((
            message,
            listener.as_str(),
            address.to_string(),
            source.raw_os_error().unwrap_or(0),
        )),
        _ => EngineError::new_err(message),
    }
}

fn closed(error: Closed) -> PyErr {
    EngineError::new_err(error.to_string())
}

fn addresses(name: &str, texts: &[String]) -> PyResult<Vec<IpAddr>> {
    let parse = |text: &String| {
        text.parse().map_err(|_| {
            EngineError::new_err(format!("{name}: {text:?} is not an IPv4 or IPv6 address"))
        })
    };
    texts.iter().map(parse).collect()
}

/// Where the engine listens and what it tells clients.
#[pyclass(frozen, module = "roomline._engine")]
pub struct EngineConfig {
    config: Config,
}

#[pymethods]
impl EngineConfig {
    #[new]
    #[pyo3(signature = (
        *, addresses, bind_addresses, media_port_min, media_port_max, https_port, turn_port,
        realm, turn_secret, certificate_pem, private_key_pem,
        max_allocations_per_participant=12, max_connections_per_address=256,
        stats_interval_ms=2000,
    ))]
    #[allow(clippy::too_many_arguments)] // Python passes them by name.
    fn new(
        addresses: Vec<String>,
        bind_addresses: Vec<String>,
        media_port_min: u16,
        media_port_max: u16,
        https_port: u16,
        turn_port: u16,
        realm: String,
        turn_secret: Vec<u8>,
        certificate_pem: Vec<u8>,
        private_key_pem: Vec<u8>,
        max_allocations_per_participant: usize,
        max_connections_per_address: usize,
        stats_interval_ms: u64,
    ) -> PyResult<Self> {
        let config = Config {
            addresses: self::addresses("addresses", &addresses)?,
            bind_addresses: self::addresses("bind_addresses", &bind_addresses)?,
            media_ports: media_port_min..=media_port_max,
            https_port,
            turn_port,
            realm,
            turn_secret,
            certificate_pem,
            private_key_pem,
            max_allocations_per_participant,
            max_connections_per_address,
            stats_interval: Duration::from_millis(stats_interval_ms),
        };
        Ok(Self { config })
    }
}

/// The running engine.
#[pyclass(frozen, module = "roomline._engine")]
pub struct Engine {
    engine: roomline_engine::Engine,
}

#[pymethods]
impl Engine {
    #[new]
    fn new(py: Python<'_>, config: &Bound<'_, EngineConfig>) -> PyResult<Self> {
        let config = config.get().config.clone();
        let engine = py.detach(|| roomline_engine::Engine::start(config)).map_err(to_python)?;
        Ok(Self { engine })
    }

    fn fileno(&self) -> RawFd {
        self.engine.event_fd()
    }

    fn submit(&self, command: &Bound<'_, Command>) -> PyResult<()> {
        self.engine.submit(command.get().clone().into()).map_err(closed)
    }

    fn submit_all(&self, commands: Vec<Bound<'_, Command>>) -> PyResult<()> {
        let commands = commands.iter().map(|command| command.get().clone().into());
        self.engine.submit_all(commands).map_err(closed)
    }

    fn events(&self) -> PyResult<Vec<Event>> {
        let events =
            self.engine.events().map_err(|stopped| EngineError::new_err(stopped.to_string()))?;
        Ok(events.into_iter().map(Event::from).collect())
    }

    fn counters(&self, py: Python<'_>) -> Vec<Metric> {
        py.detach(|| self.engine.counters())
    }

    fn gauges(&self, py: Python<'_>) -> Vec<Metric> {
        py.detach(|| self.engine.gauges())
    }

    fn reload_certificate(
        &self,
        py: Python<'_>,
        certificate_pem: &[u8],
        private_key_pem: &[u8],
    ) -> PyResult<()> {
        py.detach(|| self.engine.reload_certificate(certificate_pem, private_key_pem))
            .map_err(to_python)
    }

    #[getter]
    fn https_port(&self) -> u16 {
        self.engine.https_port()
    }

    #[getter]
    fn turn_port(&self) -> u16 {
        self.engine.turn_port()
    }

    fn stop_accepting(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.engine.stop_accepting())
            .map_err(|error| EngineError::new_err(error.to_string()))
    }

    fn release_ports(&self, py: Python<'_>) -> PyResult<usize> {
        py.detach(|| self.engine.release_ports())
            .map_err(|error| EngineError::new_err(format!("the ports are not free: {error}")))
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| self.engine.close());
    }
}

//! The engine's log records as Python takes them.

use std::os::fd::RawFd;

use log::LevelFilter;
use pyo3::prelude::*;
use roomline_engine::Logs;

use crate::engine::EngineError;

fn start(level: LevelFilter) -> PyResult<&'static Logs> {
    Logs::start(level).map_err(|error| EngineError::new_err(format!("logging: {error}")))
}

/// Begins to keep records of a level and worse.
#[pyfunction]
pub fn start_logging(level: &str) -> PyResult<RawFd> {
    let level = level.parse().map_err(|_| {
        EngineError::new_err(format!("{level:?} is no level: error, warn, info or debug"))
    })?;
    Ok(start(level)?.fd())
}

/// Takes the records that wait: level, module, words.
#[pyfunction]
pub fn log_records() -> PyResult<Vec<(&'static str, String, String)>> {
    let records = start(log::max_level())?.take();
    Ok(records.into_iter().map(|r| (r.level.as_str(), r.target, r.message)).collect())
}

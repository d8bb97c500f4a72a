//! A device whose protocol this build leaves out: it is dead, and says why.

use site::{Device, DeviceIx};
use telemetry::clock::SystemClock;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::bounds;
use crate::core::{DeviceFailure, FailureKind, FieldEvent, FieldOutcome, FieldReport, FieldWrite};

/// Tells that the device is dead at each beat of the poll, until nobody listens to `out` any more.
pub(crate) async fn drive(
    device: Device,
    feature: &'static str,
    at: DeviceIx,
    mut writes: mpsc::Receiver<(u64, FieldWrite)>,
    out: mpsc::Sender<FieldEvent>,
    clock: SystemClock,
) {
    let words =
        format!("this build speaks no {}: it was built without the feature `{feature}`", device.protocol);
    tracing::error!(device = %device.id, words, "cannot be read");
    let failure = DeviceFailure { kind: FailureKind::Unreachable, words };
    let mut beat = tokio::time::interval(device.poll);
    beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut writable = true;
    loop {
        let event = tokio::select! {
            biased;
            () = out.closed() => return,
            write = writes.recv(), if writable => match write {
                Some((request, _)) => {
                    FieldEvent::Written { device: at, request, result: Err(failure.words.clone()) }
                }
                None => {
                    writable = false;
                    continue;
                }
            },
            _ = beat.tick() => {
                let (now, outcome) = (clock.now(), FieldOutcome::Failed(failure.clone()));
                FieldEvent::Report(FieldReport { device: at, outcome, sent: now, received: now })
            }
        };
        if out.send(bounds::event(event)).await.is_err() {
            return;
        }
    }
}

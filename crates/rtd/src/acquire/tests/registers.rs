//! Set points into raw registers of the test's own server.

use super::*;

fn write(register: u16, raw: f64, enable: Option<(u16, u16)>) -> FieldWrite {
    FieldWrite::Registers { register, kind: RegisterType::I32, word_order: WordOrder::Big, raw, enable }
}

#[tokio::test]
async fn a_value_goes_before_and_after_its_enabling_and_what_does_not_fit_nowhere() {
    let server = Server::start().await;
    server.put(300, &[0, 0]);
    server.put(400, &[0]);
    // Nothing is read of it.
    let mut driven = Driven::start(server.device(Protocol::Modbus, PATIENT_MS, Vec::new()));
    assert_eq!(driven.written(1, write(300, -2.0, Some((400, 1)))).await, Ok(()));
    let value = vec![0xFFFF, 0xFFFE];
    let wanted = [(300, value.clone()), (400, vec![1]), (300, value)];
    assert_eq!(server.state(|state| state.writes.clone()), wanted);
    assert_eq!(driven.written(2, write(300, 65_536.0, None)).await, Ok(()));
    assert_eq!(server.state(|state| state.writes.last().cloned()), Some((300, vec![1, 0])));
    let refused = driven.written(3, write(300, 3e9, Some((400, 1)))).await.unwrap_err();
    assert_eq!(refused, "the raw value 3000000000 does not fit i32: -2147483648 to 2147483647");
    assert!(driven.written(4, write(300, f64::NAN, None)).await.is_err());
    assert_eq!(server.state(|state| state.writes.len()), 4, "nothing of it was written");
    assert_eq!(driven.written(5, FieldWrite::ReleaseRegister { register: 400, word: 9 }).await, Ok(()));
    assert_eq!(server.state(|state| state.registers[&400]), 9);
    let refused = driven.written(6, write(600, 1.0, None)).await.unwrap_err();
    assert!(refused.starts_with("holding register 600: "), "{refused}");
    assert_eq!(server.state(|state| state.connections), 1, "a refusal costs no connection");
}

#[tokio::test]
async fn a_device_that_takes_values_only_while_it_follows() {
    let server = Server::start().await;
    server.put(300, &[0, 0]);
    server.put(400, &[0]);
    server.fault(Fault::Switched);
    let mut driven = Driven::start(server.device(Protocol::Modbus, PATIENT_MS, Vec::new()));
    assert!(driven.written(1, write(300, 7.0, None)).await.is_err());
    assert_eq!(driven.written(2, write(300, 7.0, Some((400, 1)))).await, Ok(()));
    assert_eq!(server.state(|state| state.writes.clone()), [(400, vec![1]), (300, vec![0, 7])]);
}

#[tokio::test]
async fn side_by_side_is_one_request() {
    let server = Server::start().await;
    server.put(300, &[0, 0, 0]);
    let mut driven = Driven::start(server.device(Protocol::Modbus, PATIENT_MS, Vec::new()));
    assert_eq!(driven.written(1, write(301, 5.0, Some((300, 3)))).await, Ok(()));
    assert_eq!(server.state(|state| state.writes.clone()), [(300, vec![3, 0, 5])]);
}

#[tokio::test]
async fn a_device_that_is_back_is_read_before_it_is_told_anything_but_to_take_its_own_control() {
    let server = Server::start().await;
    server.put(300, &[0, 0]);
    server.put(400, &[0]);
    let mut device = server.device(Protocol::Modbus, PATIENT_MS, vec![raw(400)]);
    // One poll, and no other.
    device.poll = Duration::from_secs(36_000);
    let mut driven = Driven::start(device);
    driven.until(&[Reading::Number(0.0)]).await;
    server.fault(Fault::Transaction);
    assert!(driven.written(1, write(300, 7.0, None)).await.is_err());
    let told = driven.failure().await;
    assert_eq!(told.kind, FailureKind::Protocol, "a connection that a write costs is told of");
    server.fault(Fault::None);
    let before = server.state(|state| (state.writes.clone(), state.connections));
    let unread = "the connection was lost, and the device was not read since";
    assert_eq!(driven.written(2, write(300, 8.0, None)).await, Err(unread.to_owned()));
    assert_eq!(server.state(|state| (state.writes.clone(), state.connections)), before, "not even dialled");
    assert_eq!(driven.written(3, FieldWrite::ReleaseRegister { register: 400, word: 9 }).await, Ok(()));
    assert_eq!(server.state(|state| state.writes.last().cloned()), Some((400, vec![9])));
    assert_eq!(driven.written(4, write(300, 8.0, None)).await, Err(unread.to_owned()), "still not read");
}

#[tokio::test]
async fn a_device_that_was_read_again_takes_set_points_again() {
    let server = Server::start().await;
    server.put(300, &[0, 0]);
    let mut driven = Driven::start(server.device(Protocol::Modbus, PATIENT_MS, vec![raw(301)]));
    driven.until(&[Reading::Number(0.0)]).await;
    server.fault(Fault::Transaction);
    driven.failure().await;
    let refused = driven.written(1, write(300, 7.0, None)).await.unwrap_err();
    assert!(refused.contains("was not read since"), "{refused}");
    server.put(300, &[0, 5]);
    server.fault(Fault::None);
    driven.until(&[Reading::Number(5.0)]).await;
    assert_eq!(driven.written(2, write(300, 8.0, None)).await, Ok(()));
    assert_eq!(server.state(|state| state.writes.clone()), [(300, vec![0, 8])]);
}

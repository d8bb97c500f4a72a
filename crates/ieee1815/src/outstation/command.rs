//! Controls: select, operate, direct operate.

use alloc::vec::Vec;

use super::session::{Context, Request, Selected, Session, not_understood};
use crate::functions::{DIRECT_OPERATE, DIRECT_OPERATE_NO_ACK, OPERATE, SELECT, next_sequence};
use crate::objects::{Direction, ObjectHeader, Range, parse_headers};
use crate::{Command, CommandStatus, Flags, Iin, Measured, OperateMode, PointType, Value};

impl Session {
    pub(super) fn command(&mut self, request: &Request<'_>, context: &mut Context<'_>) {
        let answered = request.function != DIRECT_OPERATE_NO_ACK;
        let gate = self.gate(request, context);
        let mut echo = Vec::with_capacity(request.objects.len());
        let (mut all_good, mut iin) = (true, Iin::NONE);
        // What could not be answered whole is not begun.
        let too_long = request.objects.len().saturating_add(4) > self.fragment_max();
        let wanted = if too_long { Err(Iin::PARAMETER_ERROR) } else { commands(request.objects) };
        let headers = match wanted {
            Ok(headers) => headers,
            Err(iin) => {
                self.select = None;
                if answered {
                    self.refuse(request, iin, context);
                }
                return;
            }
        };
        let mut left = self.config.commands_max;
        for header in headers {
            let wide = header.qualifier == 0x28;
            let count = if let Range::Indexed(count) = header.range { count } else { 0 };
            echo.extend_from_slice(&[header.group, header.variation, header.qualifier]);
            echo.extend(count.to_le_bytes().into_iter().take(if wide { 2 } else { 1 }));
            for ((index, command, _), object) in header.commands().zip(header.chunks()) {
                let status = match (gate, u16::try_from(index)) {
                    (Err(status), _) => status,
                    (_, Err(_)) => CommandStatus::NotSupported,
                    _ if left == 0 => CommandStatus::TooManyOps,
                    (Ok(()), Ok(index)) => self.perform(request, index, &command, context),
                };
                left = left.saturating_sub(1);
                all_good &= status == CommandStatus::Success;
                if status == CommandStatus::NotSupported {
                    // A point that is not there is a wrong parameter as well.
                    iin = Iin::PARAMETER_ERROR;
                }
                // The answer is the request, octet by octet, but for the status.
                echo.extend_from_slice(object);
                if let Some(last) = echo.last_mut() {
                    *last = status.code();
                }
            }
        }
        self.select = (request.function == SELECT && all_good).then(|| Selected {
            objects: request.objects.to_vec(),
            sequence: request.sequence,
            until: context.now.saturating_add(self.config.select_timeout),
        });
        if answered {
            self.respond(request, iin, &echo, context);
        }
    }

    /// Whether an operate has its select: the same objects, in the request before, in time.
    fn gate(&self, request: &Request<'_>, context: &Context<'_>) -> Result<(), CommandStatus> {
        if request.function != OPERATE {
            return Ok(());
        }
        match &self.select {
            Some(select)
                if next_sequence(select.sequence) == request.sequence
                    && select.objects == request.objects =>
            {
                if context.now <= select.until {
                    Ok(())
                } else {
                    Err(CommandStatus::Timeout)
                }
            }
            _ => Err(CommandStatus::NoSelect),
        }
    }

    fn perform(
        &mut self,
        request: &Request<'_>,
        index: u16,
        command: &Command,
        context: &mut Context<'_>,
    ) -> CommandStatus {
        let mode = match request.function {
            SELECT => return context.app.select(context.session, index, command),
            OPERATE => OperateMode::SelectBeforeOperate,
            DIRECT_OPERATE => OperateMode::Direct,
            _ => OperateMode::DirectNoAck,
        };
        let status = context.app.operate(context.session, index, command, mode);
        self.commanded(index, command, status, context);
        status
    }

    /// A command is an event of its own (groups 13 and 43), where its index is configured for it.
    fn commanded(&mut self, index: u16, command: &Command, status: CommandStatus, context: &mut Context<'_>) {
        let (point, value) = match command {
            // Latch on, and close, are what turns an output on.
            Command::Crob(crob) => {
                let on = crob.op & 0x0F == 3 || crob.op & 0xC0 == 0x40 || crob.op & 0xCF == 1;
                (PointType::BinaryOutputCommand, Value::Binary(on))
            }
            Command::Analog { value, .. } => (PointType::AnalogOutputCommand, Value::Analog(*value)),
        };
        let Some(at) = context.points.find((point, index)) else { return };
        let measured =
            Measured { value, flags: Some(Flags::from_bits(status.code())), time: context.app.time() };
        self.update(at, measured, context);
    }
}

/// The headers of a command request; all of it is understood before any of it acts.
fn commands(octets: &[u8]) -> Result<Vec<ObjectHeader<'_>>, Iin> {
    let mut headers = Vec::new();
    for header in parse_headers(octets, Direction::Request) {
        let header = header.map_err(not_understood)?;
        if header.range == Range::Indexed(0) {
            return Err(Iin::PARAMETER_ERROR);
        }
        match (header.group, header.variation, header.qualifier) {
            (12, 1, 0x17 | 0x28) | (41, 1..=4, 0x17 | 0x28) => headers.push(header),
            (12, 1, _) | (41, 1..=4, _) => return Err(Iin::PARAMETER_ERROR),
            _ => return Err(Iin::OBJECT_UNKNOWN),
        }
    }
    if headers.is_empty() { Err(Iin::PARAMETER_ERROR) } else { Ok(headers) }
}

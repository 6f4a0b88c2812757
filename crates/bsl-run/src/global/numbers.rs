//! Functions of numbers.

use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, MathematicalOps, RoundingStrategy, ToPrimitive};

use crate::error::{self, Failure, Res};
use crate::global::{Function, function};
use crate::object::Args;
use crate::value::Value;
use crate::vm::overflow;

pub(super) const FUNCTIONS: &[Function] = &[
    function("Окр", "Round", 1, 3, |_, a| round(a)),
    function("Цел", "Int", 1, 1, |_, a| Ok(a.number(0)?.trunc().into())),
    function("Макс", "Max", 1, usize::MAX, |_, a| extreme(a, false)),
    function("Мин", "Min", 1, usize::MAX, |_, a| extreme(a, true)),
    function("Pow", "Pow", 2, 2, |_, a| power(a.number(0)?, a.number(1)?)),
    function("Sqrt", "Sqrt", 1, 1, |_, a| {
        a.number(0)?.sqrt().map(Value::Number).ok_or_else(|| error::bad_argument_value(1))
    }),
    function("ЧислоПрописью", "NumberInWords", 1, 3, |_, a| super::words::in_words(a)),
    function("Log", "Log", 1, 1, |_, a| real(a, f64::ln)),
    function("Log10", "Log10", 1, 1, |_, a| real(a, f64::log10)),
    function("Exp", "Exp", 1, 1, |_, a| real(a, f64::exp)),
    function("Sin", "Sin", 1, 1, |_, a| real(a, f64::sin)),
    function("Cos", "Cos", 1, 1, |_, a| real(a, f64::cos)),
    function("Tan", "Tan", 1, 1, |_, a| real(a, f64::tan)),
    function("ASin", "ASin", 1, 1, |_, a| real(a, f64::asin)),
    function("ACos", "ACos", 1, 1, |_, a| real(a, f64::acos)),
    function("ATan", "ATan", 1, 1, |_, a| real(a, f64::atan)),
    function("ПобитовоеИ", "BitwiseAnd", 2, 2, |_, a| Ok(Value::int(bits(a, 0)? & bits(a, 1)?))),
    function("ПобитовоеИли", "BitwiseOr", 2, 2, |_, a| Ok(Value::int(bits(a, 0)? | bits(a, 1)?))),
    function("ПобитовоеИсключительноеИли", "BitwiseXor", 2, 2, |_, a| {
        Ok(Value::int(bits(a, 0)? ^ bits(a, 1)?))
    }),
    function("ПобитовоеНе", "BitwiseNot", 1, 1, |_, a| Ok(Value::int(!bits(a, 0)?))),
    function("ПобитовоеИНе", "BitwiseAndNot", 2, 2, |_, a| Ok(Value::int(bits(a, 0)? & !bits(a, 1)?))),
    function("ПобитовыйСдвигВлево", "BitwiseShiftLeft", 2, 2, |_, a| {
        let by = shift(a)?;
        Ok(Value::int(bits(a, 0)?.checked_shl(by).unwrap_or(0)))
    }),
    function("ПобитовыйСдвигВправо", "BitwiseShiftRight", 2, 2, |_, a| {
        let by = shift(a)?;
        Ok(Value::int(bits(a, 0)?.checked_shr(by).unwrap_or(0)))
    }),
    function("ПроверитьБит", "CheckBit", 2, 2, |_, a| {
        let by = shift(a)?;
        Ok(Value::Bool(bits(a, 0)?.checked_shr(by).unwrap_or(0) & 1 == 1))
    }),
    function("УстановитьБит", "SetBit", 3, 3, |_, a| {
        let bit = 1_u32.checked_shl(shift(a)?).unwrap_or(0);
        let number = bits(a, 0)?;
        Ok(Value::int(if a.integer(2)? == 0 { number & !bit } else { number | bit }))
    }),
    function("ПроверитьПоБитовойМаске", "CheckByBitMask", 2, 2, |_, a| {
        let mask = bits(a, 1)?;
        Ok(Value::Bool(bits(a, 0)? & mask == mask))
    }),
];

fn bits(arguments: &Args, at: usize) -> Res<u32> {
    u32::try_from(arguments.integer(at)?).map_err(|_| error::bad_argument_value(at + 1))
}

fn shift(arguments: &Args) -> Res<u32> {
    u32::try_from(arguments.integer(1)?).map_err(|_| error::bad_argument_value(2))
}

fn round(arguments: &Args) -> Res<Value> {
    let number = arguments.number(0)?;
    let digits = arguments.integer_or(1, 0)?;
    let half_down = match arguments.get(2) {
        None | Some(Value::Undefined) => false,
        Some(Value::Enum(item)) if item.enumeration().name == "РежимОкругления" => {
            item.name() == "Окр15как10"
        }
        Some(Value::Number(mode)) => mode.is_zero(),
        Some(_) => return Err(error::bad_argument(3)),
    };
    let strategy =
        if half_down { RoundingStrategy::MidpointTowardZero } else { RoundingStrategy::MidpointAwayFromZero };
    if digits >= 0 {
        let places = u32::try_from(digits).unwrap_or(28).min(28);
        return Ok(Value::Number(number.round_dp_with_strategy(places, strategy).normalize()));
    }
    let places = u32::try_from(-digits).unwrap_or(u32::MAX);
    if places > 28 {
        return Ok(Value::int(0));
    }
    let unit = Decimal::from_i128_with_scale(10_i128.pow(places), 0);
    let rounded = (number / unit).round_dp_with_strategy(0, strategy);
    rounded.checked_mul(unit).map(Value::Number).ok_or_else(overflow)
}

fn extreme(arguments: &Args, least: bool) -> Res<Value> {
    let mut best = arguments.get(0).cloned().ok_or_else(error::too_few)?;
    for at in 1..arguments.len() {
        let value = arguments.get(at).cloned().ok_or_else(error::too_few)?;
        // The first parameter's type decides, as with `+`.
        let value = match (&best, &value) {
            (Value::Number(_), Value::Str(_) | Value::Bool(_)) => Value::Number(value.number()?),
            _ => value,
        };
        let order = value.order(&best)?;
        if if least { order.is_lt() } else { order.is_gt() } {
            best = value;
        }
    }
    match best {
        Value::Number(_) | Value::Str(_) | Value::Date(_) | Value::Bool(_) => Ok(best),
        _ => Err(error::bad_argument(1)),
    }
}

fn power(base: Decimal, exponent: Decimal) -> Res<Value> {
    if let Some(whole) = exponent.is_integer().then(|| exponent.to_i64()).flatten() {
        if base.is_zero() && whole < 0 {
            return Err(Failure::new("Деление на 0"));
        }
        let mut result = Decimal::ONE;
        let mut factor = base;
        let mut left = whole.unsigned_abs();
        while left > 0 {
            if left & 1 == 1 {
                result = result.checked_mul(factor).ok_or_else(overflow)?;
            }
            left >>= 1;
            if left > 0 {
                factor = factor.checked_mul(factor).ok_or_else(overflow)?;
            }
        }
        if whole < 0 {
            result = Decimal::ONE.checked_div(result).unwrap_or(Decimal::ZERO);
        }
        return Ok(Value::Number(result.normalize()));
    }
    let (base, exponent) = (base.to_f64().unwrap_or(f64::NAN), exponent.to_f64().unwrap_or(f64::NAN));
    from_real(base.powf(exponent))
}

fn real(arguments: &Args, function: fn(f64) -> f64) -> Res<Value> {
    from_real(function(arguments.number(0)?.to_f64().unwrap_or(f64::NAN)))
}

fn from_real(number: f64) -> Res<Value> {
    if number.is_nan() || number.is_infinite() {
        return Err(error::bad_argument_value(1));
    }
    Decimal::from_f64(number).map(|number| Value::Number(number.normalize())).ok_or_else(overflow)
}

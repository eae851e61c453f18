//! Typed services: one trait, in the process and across.

use std::time::Duration;

use linkspan::rpc::{CallError, Context, Router, Streaming};
use linkspan_test::wait;
use serde::{Deserialize, Serialize};

use crate::support::{LOCAL, SCHEMES, pair};

/// A service with every shape of method.
#[linkspan::service(deadline = "10s")]
trait Calculator {
    /// Divides.
    async fn divide(&self, dividend: i64, divisor: i64) -> Result<i64, MathError>;

    /// Counts up to a number.
    async fn count(&self, upto: u32) -> Result<Streaming<u32, MathError>, MathError>;

    /// Adds what comes.
    async fn sum(&self, start: i64, numbers: Streaming<i64>) -> Result<i64, MathError>;

    /// Doubles what comes.
    async fn double(&self, numbers: Streaming<i64>) -> Result<Streaming<i64>, MathError>;

    /// Tells about the call.
    #[linkspan(name = "about", deadline = "2s", idempotent)]
    async fn about_call(&self, cx: Context) -> Result<About, MathError>;

    /// A method with a body of its own.
    async fn version(&self) -> Result<u32, MathError> {
        Ok(7)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct About {
    principal: String,
    message_id: u64,
    correlation_id: u64,
    millis_left: u64,
    trace: Option<String>,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
enum MathError {
    #[error("{dividend} cannot be divided by zero")]
    DivisionByZero { dividend: i64 },
    #[error("{0} is too many")]
    TooMany(u32),
    #[error(transparent)]
    Call(#[from] CallError),
}

struct Machine;

impl Calculator for Machine {
    async fn divide(&self, dividend: i64, divisor: i64) -> Result<i64, MathError> {
        dividend
            .checked_div(divisor)
            .ok_or(MathError::DivisionByZero { dividend })
    }

    async fn count(&self, upto: u32) -> Result<Streaming<u32, MathError>, MathError> {
        if upto > 1_000_000 {
            return Err(MathError::TooMany(upto));
        }
        let (sender, numbers) = Streaming::channel(10);
        tokio::spawn(async move {
            for number in 1..=upto {
                let item = if number == 666 {
                    Err(MathError::TooMany(666))
                } else {
                    Ok(number)
                };
                if sender.send(item).await.is_err() {
                    return;
                }
            }
        });
        Ok(numbers)
    }

    async fn sum(&self, start: i64, mut numbers: Streaming<i64>) -> Result<i64, MathError> {
        let mut sum = start;
        while let Some(number) = numbers.next().await {
            sum += number?;
            if sum > 1_000_000 {
                break;
            }
        }
        Ok(sum)
    }

    async fn double(&self, mut numbers: Streaming<i64>) -> Result<Streaming<i64>, MathError> {
        let (sender, doubled) = Streaming::channel(1);
        tokio::spawn(async move {
            while let Some(number) = numbers.next().await {
                if sender.send(number.map(|number| 2 * number)).await.is_err() {
                    return;
                }
            }
        });
        Ok(doubled)
    }

    async fn about_call(&self, cx: Context) -> Result<About, MathError> {
        Ok(About {
            principal: cx.principal().name,
            message_id: cx.message_id(),
            correlation_id: cx.correlation_id(),
            millis_left: cx
                .timeout()
                .unwrap_or_default()
                .as_millis()
                .try_into()
                .unwrap(),
            trace: cx.metadata("traceparent").map(str::to_owned),
        })
    }
}

/// Everything that code against the trait may expect, whoever implements it.
async fn check(calculator: impl Calculator) {
    assert_eq!(calculator.divide(7, 2).await, Ok(3));
    let error = calculator.divide(7, 0).await.unwrap_err();
    assert_eq!(error, MathError::DivisionByZero { dividend: 7 });

    let numbers = calculator
        .count(500)
        .await
        .unwrap()
        .collect()
        .await
        .unwrap();
    assert_eq!(numbers, (1..=500).collect::<Vec<_>>());
    assert_eq!(
        calculator.count(2_000_000).await.unwrap_err(),
        MathError::TooMany(2_000_000)
    );

    let mut numbers = calculator.count(1_000).await.unwrap();
    for number in 1..=665 {
        assert_eq!(numbers.next().await, Some(Ok(number)));
    }
    assert_eq!(numbers.next().await, Some(Err(MathError::TooMany(666))));
    assert_eq!(numbers.next().await, None, "nothing follows an error");

    let numbers = Streaming::from_values((1..=1_000).collect::<Vec<_>>());
    assert_eq!(calculator.sum(5, numbers).await, Ok(500_505));
    assert_eq!(
        calculator.sum(5, Streaming::from_values(Vec::new())).await,
        Ok(5)
    );

    let (sender, numbers) = Streaming::channel(1);
    let mut doubled = calculator.double(numbers).await.unwrap();
    for number in 0..100 {
        sender.send(Ok(number)).await.unwrap();
        assert_eq!(doubled.next().await, Some(Ok(2 * number)));
    }
    drop(sender);
    assert_eq!(doubled.next().await, None);
    assert_eq!(calculator.version().await, Ok(7));
}

#[tokio::test]
async fn the_same_trait_works_in_place_through_a_router_and_over_every_transport() {
    wait::within("in place", check(Machine)).await;
    let router = Router::new().service(CalculatorServer::new(Machine));
    wait::within("through a router", check(CalculatorClient::new(router))).await;
    for scheme in SCHEMES {
        let pair = pair(scheme, CalculatorServer::new(Machine)).await;
        wait::within(scheme, check(CalculatorClient::new(pair.client))).await;
    }
}

#[tokio::test]
async fn an_answer_before_all_questions_came_stops_the_questioner() {
    let pair = pair(LOCAL, CalculatorServer::new(Machine)).await;
    let (sender, numbers) = Streaming::channel(1);
    let endless = tokio::spawn(async move { while sender.send(Ok(1_000)).await.is_ok() {} });
    let client = CalculatorClient::new(pair.client);
    assert!(
        wait::within("the sum", client.sum(0, numbers))
            .await
            .unwrap()
            > 1_000_000
    );
    wait::within("the questioner", endless).await.unwrap();
}

#[tokio::test]
async fn a_reader_that_leaves_stops_the_handlers_stream() {
    let pair = pair(LOCAL, CalculatorServer::new(Machine)).await;
    let client = CalculatorClient::new(pair.client.clone());
    let mut numbers = client.count(600_000).await.unwrap();
    assert_eq!(numbers.next().await, Some(Ok(1)));
    drop(numbers);
    let connection = pair.serving.connections().pop().unwrap();
    wait::until("the handler ends", || {
        connection.stats().session.streams_handled == 0
    })
    .await;
}

#[tokio::test]
async fn a_handler_learns_who_calls_and_until_when() {
    let user = os::own_credentials().user.to_string();
    let over_tcp = match cfg!(target_os = "linux") {
        true => user.clone(),
        false => "anonymous".into(),
    };
    for (scheme, principal) in [("mem", user.clone()), (LOCAL, user), ("tcp", over_tcp)] {
        let pair = pair(scheme, CalculatorServer::new(Machine)).await;
        let client = CalculatorClient::new(pair.client);
        let about = client.about_call(Context::new()).await.unwrap();
        assert_eq!(about.principal, principal);
        assert!((2..100).contains(&about.message_id), "{about:?}");
        assert_eq!(about.correlation_id, 1);
        assert!(
            (1_000..=2_000).contains(&about.millis_left),
            "the method's default: {about:?}"
        );

        let cx = Context::new()
            .with_timeout(Duration::from_secs(60))
            .with_metadata("traceparent", "00-ab-cd-01");
        let about = client.about_call(cx).await.unwrap();
        assert!((59_000..=60_000).contains(&about.millis_left), "{about:?}");
        assert_eq!(about.trace.as_deref(), Some("00-ab-cd-01"));
        assert_eq!(about.correlation_id, 3);
    }
}

#[tokio::test]
async fn unknown_fields_are_ignored_and_missing_options_are_none() {
    #[derive(Serialize)]
    struct Newer {
        dividend: i64,
        divisor: i64,
        rounding: &'static str,
    }
    let pair = pair(LOCAL, CalculatorServer::new(Machine)).await;
    let newer = Newer {
        dividend: 9,
        divisor: 3,
        rounding: "up",
    };
    assert_eq!(
        pair.client.send_request("calculator.divide", &newer).await,
        Ok(3_i64)
    );
}

#[tokio::test]
async fn wrong_parameters_are_refused_by_name_before_the_handler_runs() {
    let pair = pair(LOCAL, CalculatorServer::new(Machine)).await;
    let wrong = serde_json::json!({ "dividend": 1, "divisor": "two" });
    let error = pair
        .client
        .send_request::<i64>("calculator.divide", &wrong)
        .await
        .unwrap_err();
    assert_eq!(error.code(), linkspan::Code::INVALID_PARAMETERS);
    assert_eq!(error.blame(), linkspan::Blame::Caller);
    assert!(
        error
            .to_string()
            .starts_with("parameter divisor: invalid type"),
        "{error}"
    );
    let error = pair
        .client
        .send_request::<i64>("calculator.divide", &())
        .await
        .unwrap_err();
    assert_eq!(error.code(), linkspan::Code::INVALID_PARAMETERS);
}

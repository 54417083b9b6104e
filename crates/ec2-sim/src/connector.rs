//! The simulator in the place of the AWS SDK's HTTP client: no socket, no thread, no real time.

use std::collections::BTreeMap;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;

use crate::Ec2Sim;
use crate::body::{Body, Content};
use crate::http::{Answer, Delivery, Request, Spoiled};

pub(crate) fn http_client(sim: Ec2Sim) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Connector(sim));
    http_client_fn(move |_, _| connector.clone())
}

#[derive(Debug)]
struct Connector(Ec2Sim);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let sim = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = read(&request)?;
            match sim.exchange(&request) {
                Delivery::Answer(answer) => write(answer),
                Delivery::Late(by, answer) => {
                    tokio::time::sleep(by).await;
                    write(answer)
                }
                Delivery::Spoiled(spoiled) => write_spoiled(spoiled),
                Delivery::Lost => Err(ConnectorError::io("connection reset by peer".into())),
                Delivery::Never => std::future::pending().await,
            }
        })
    }
}

fn read(request: &HttpRequest) -> Result<Request, ConnectorError> {
    let uri: hyper::Uri = request.uri().parse().map_err(|error| ConnectorError::user(Box::new(error)))?;
    let body = request.body().bytes().ok_or_else(|| ConnectorError::user("the body of the request is a stream".into()))?;
    let headers: BTreeMap<String, String> =
        request.headers().iter().map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    Ok(Request {
        method: request.method().to_owned(),
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        headers,
        body: body.to_vec(),
    })
}

fn write(answer: Answer) -> Result<HttpResponse, ConnectorError> {
    response(answer.status, answer.headers, SdkBody::from(answer.body))
}

fn write_spoiled(spoiled: Spoiled) -> Result<HttpResponse, ConnectorError> {
    let body = match spoiled.content {
        Content::Whole(bytes) => SdkBody::from(bytes),
        other => SdkBody::from_body_1_x(Body::from(other)),
    };
    response(spoiled.status, spoiled.headers, body)
}

fn response(status: u16, headers: Vec<(&'static str, String)>, body: SdkBody) -> Result<HttpResponse, ConnectorError> {
    let status = status.try_into().map_err(|_| ConnectorError::other("no such HTTP status".into(), None))?;
    let mut response = HttpResponse::new(status, body);
    for (name, value) in headers {
        response.headers_mut().try_insert(name, value).map_err(|error| ConnectorError::other(Box::new(error), None))?;
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_smithy_runtime_api::client::http::HttpConnector as _;

    use http_body_util::BodyExt as _;

    use super::*;
    use crate::faults::{Fault, FaultKind, Which};
    use crate::testing::{Client, noon};
    use crate::world::World;

    fn request(ec2: &Client) -> HttpRequest {
        let signed = ec2.request("Action=DescribeRegions");
        let mut request = HttpRequest::new(SdkBody::from(signed.body));
        request.set_method("POST").unwrap();
        request.set_uri("https://ec2.us-east-1.amazonaws.com/").unwrap();
        request.headers_mut().insert("Authorization", signed.headers["authorization"].clone());
        request
    }

    #[tokio::test(start_paused = true)]
    async fn answers_the_sdk() {
        let ec2 = Client::of(World::example(1, noon()));
        let connector = Connector(ec2.sim.clone());
        let response = connector.call(request(&ec2)).await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        let body = std::str::from_utf8(response.body().bytes().unwrap()).unwrap();
        let id = response.headers().get("x-amzn-requestid").unwrap();
        assert!(body.contains(id) && body.contains("us-east-1"), "{body}");
    }

    #[tokio::test(start_paused = true)]
    async fn answers_the_sdk_as_the_metadata_service() {
        let ec2 = Client::of(World::example(1, noon()));
        let connector = Connector(ec2.sim.clone());
        let mut put = HttpRequest::empty();
        put.set_method("PUT").unwrap();
        put.set_uri("http://169.254.169.254/latest/api/token").unwrap();
        put.headers_mut().insert("x-aws-ec2-metadata-token-ttl-seconds", "60");
        assert_eq!(connector.call(put).await.unwrap().status().as_u16(), 200);
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_arrive_as_the_faults_will() {
        let ec2 = Client::of(World::example(1, noon()));
        let connector = Connector(ec2.sim.clone());
        let whole = connector.call(request(&ec2)).await.unwrap().body().bytes().unwrap().len();
        let kinds = [
            FaultKind::Truncated,
            FaultKind::Body { status: 502, content_type: "text/html".to_owned(), body: b"<html>".to_vec() },
            FaultKind::ResetMidBody { after_bytes: 10 },
            FaultKind::StallMidBody { after_bytes: 10 },
            FaultKind::Endless { head: "<a>".to_owned(), again: "<b/>".to_owned(), times: None, tail: String::new() },
        ];
        for (kind, number) in kinds.into_iter().zip(1..) {
            ec2.sim.inject(Fault::of("DescribeRegions", Which::Nth(number), kind));
        }
        assert_eq!(connector.call(request(&ec2)).await.unwrap().body().bytes().unwrap().len(), whole / 2);
        let html = connector.call(request(&ec2)).await.unwrap();
        assert_eq!(
            (html.status().as_u16(), html.headers().get("content-type"), html.body().bytes()),
            (502, Some("text/html"), Some(&b"<html>"[..]))
        );
        let reset = connector.call(request(&ec2)).await.unwrap().into_body().collect().await;
        assert_eq!(reset.unwrap_err().to_string(), "connection reset by peer");
        for _ in 0..2 {
            // A timeout ends both, even where time only passes while everybody waits.
            let body = connector.call(request(&ec2)).await.unwrap().into_body();
            let read = async move {
                let mut body = body;
                while body.frame().await.is_some() {}
            };
            assert!(tokio::time::timeout(Duration::from_secs(5), read).await.is_err());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn answers_the_sdk_as_recycle_bin() {
        let ec2 = Client::of(World::example(1, noon()));
        let connector = Connector(ec2.sim.clone());
        let mut get = HttpRequest::empty();
        get.set_method("GET").unwrap();
        get.set_uri("https://rbin.us-east-1.amazonaws.com/rules/abcdefghijk").unwrap();
        let signed = ec2.of_service("rbin").request("");
        get.headers_mut().insert("Authorization", signed.headers["authorization"].clone());
        let response = connector.call(get).await.unwrap();
        assert_eq!((response.status().as_u16(), response.headers().get("x-amzn-errortype")), (404, Some("ResourceNotFoundException")));
    }

    #[tokio::test(start_paused = true)]
    async fn breaks_delays_and_hangs_as_asked() {
        let ec2 = Client::of(World::example(1, noon()));
        let connector = Connector(ec2.sim.clone());
        ec2.sim.inject(Fault::of("DescribeRegions", Which::Nth(1), FaultKind::LostRequest));
        ec2.sim.inject(Fault::of("DescribeRegions", Which::Nth(2), FaultKind::Delay(Duration::from_secs(5))));
        ec2.sim.inject(Fault::of("DescribeRegions", Which::Nth(3), FaultKind::Hang));
        assert!(connector.call(request(&ec2)).await.unwrap_err().is_io());
        connector.call(request(&ec2)).await.unwrap();
        assert_eq!(ec2.sim.now().to_string(), "2026-11-22T12:00:05Z");
        let hanging = tokio::time::timeout(Duration::from_hours(24), connector.call(request(&ec2))).await;
        assert!(hanging.is_err());
    }
}

//! The simulator in the place of the AWS SDK's HTTP client: no socket, no thread, no real time.

use std::collections::BTreeMap;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;

use crate::Ec2Sim;
use crate::http::{Answer, Delivery, Request};

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
    let status = answer.status.try_into().map_err(|_| ConnectorError::other("no such HTTP status".into(), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
    for (name, value) in answer.headers {
        response.headers_mut().try_insert(name, value).map_err(|error| ConnectorError::other(Box::new(error), None))?;
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_smithy_runtime_api::client::http::HttpConnector as _;

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

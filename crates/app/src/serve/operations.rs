//! What readiness looks at, and the metrics as text.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_transport_http::{Metrics, Readiness, ReadinessCheck};
use countersign_usecases::port::Ledger;
use countersign_usecases::{Services, policy_text};
use metrics_exporter_prometheus::PrometheusHandle;

pub(super) struct StoreReadiness {
    services: Arc<Services>,
    ledger: Arc<dyn Ledger>,
    sign_in: String,
}

impl StoreReadiness {
    pub(super) fn new(services: Arc<Services>, ledger: Arc<dyn Ledger>, sign_in: String) -> Self {
        Self { services, ledger, sign_in }
    }

    async fn store(&self) -> ReadinessCheck {
        match self.services.queries().ping().await {
            Ok(now) => ReadinessCheck { name: "store", ok: true, detail: format!("its clock says {now}") },
            Err(error) => ReadinessCheck { name: "store", ok: false, detail: error.to_string() },
        }
    }

    async fn policy(&self) -> ReadinessCheck {
        let name = "policy";
        match self.ledger.load_policy(None).await {
            // Without a policy everything is refused, which is an answer: the server is ready to give it.
            Ok(None) => {
                ReadinessCheck { name, ok: true, detail: "none is active: everything is refused".to_owned() }
            }
            Err(error) => ReadinessCheck { name, ok: false, detail: error.to_string() },
            Ok(Some(text)) => match policy_text::active_policy(&self.services).await {
                Ok(_) => {
                    let detail = format!("number {}, {}", text.stamp.number, text.stamp.digest);
                    ReadinessCheck { name, ok: true, detail }
                }
                Err(error) => ReadinessCheck { name, ok: false, detail: error.to_string() },
            },
        }
    }

    fn warrants(&self) -> ReadinessCheck {
        let detail = format!(
            "{}: an approval is believed once its entry is in the audit inbox; there is no transparency log yet",
            self.services.warrant_standing()
        );
        ReadinessCheck { name: "warrants", ok: true, detail }
    }
}

#[async_trait]
impl Readiness for StoreReadiness {
    async fn check(&self) -> Vec<ReadinessCheck> {
        let sign_in = ReadinessCheck { name: "sign_in", ok: true, detail: self.sign_in.clone() };
        vec![self.store().await, self.policy().await, self.warrants(), sign_in]
    }
}

pub(super) struct PrometheusText(PrometheusHandle);

impl PrometheusText {
    pub(super) fn new(handle: PrometheusHandle) -> Self {
        Self(handle)
    }
}

impl Metrics for PrometheusText {
    fn render(&self) -> String {
        self.0.render()
    }
}

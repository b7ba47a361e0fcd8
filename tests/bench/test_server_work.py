"""What Temporal's server tells of its work is sorted by kind."""

from bench.server_work import KINDS, counted

TOLD = """
# HELP service_requests service_requests counter
# TYPE service_requests counter
service_requests{operation="StartWorkflowExecution",service_name="frontend"} 3
service_requests{operation="RecordWorkflowTaskStarted",service_name="history"} 4
service_requests{operation="AddWorkflowTask",service_name="matching"} 1
# TYPE task_requests counter
task_requests{operation="TransferActiveTaskWorkflowTask",service_name="history"} 6
# TYPE persistence_requests counter
persistence_requests{operation="UpdateWorkflowExecution",service_name="history"} 7
persistence_requests{operation="CreateTasks",service_name="matching"} 8
persistence_requests{operation="ReadHistoryBranch",service_name="history"} 9
persistence_requests{operation="GetTransferTasks",service_name="history"} 10
# TYPE visibility_persistence_requests counter
visibility_persistence_requests{operation="UpsertWorkflowExecution",service_name="history"} 11
# TYPE service_latency histogram
service_latency_bucket{operation="StartWorkflowExecution",service_name="frontend",le="+Inf"} 3
service_latency_sum{operation="StartWorkflowExecution",service_name="frontend"} 0.1
service_latency_count{operation="StartWorkflowExecution",service_name="frontend"} 3
"""


def test_every_kind_is_counted() -> None:
    assert [counted(TOLD)[kind] for kind in KINDS] == [3, 5, 6, 15, 19, 11]


def test_what_is_none_of_them_is_left_out() -> None:
    assert counted('# TYPE action counter\naction{operation="x"} 1\n').total() == 0

"""What tests of the doctor share."""

GB = 1e9


def words(findings):
    return [finding.word for finding in findings]

package telemetry

// BreakerValue is the value of [BreakerOpen] for a state: 0 for "closed", 0.5 for
// "half-open", 1 for any other.
func BreakerValue(state string) float64 {
	switch state {
	case "closed":
		return 0
	case "half-open":
		return 0.5
	default:
		return 1
	}
}

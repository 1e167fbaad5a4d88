package telemetry

// BreakerValue is the value of [BreakerOpen] for a state as its library names it.
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

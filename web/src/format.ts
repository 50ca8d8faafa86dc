const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const

/** Bytes as a person reads them, 1.2 MB, counted by 1024 as the drives themselves show them. */
export function formatBytes(bytes: number): string {
  let value = bytes
  let step = 0
  while (value >= 1024 && step < units.length - 1) {
    value /= 1024
    step += 1
  }
  return new Intl.NumberFormat('en', {
    style: 'unit',
    unit: units[step] ?? 'byte',
    unitDisplay: step === 0 ? 'long' : 'short',
    maximumFractionDigits: value < 10 && step > 0 ? 1 : 0,
  }).format(value)
}

const percent = new Intl.NumberFormat('en', { style: 'percent' })

/** 0 to 1 as a percentage; never 100 % before it is all. */
export function formatShare(share: number): string {
  return percent.format(share < 1 ? Math.min(0.99, share) : 1)
}

const dateTime = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' })
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

export function formatTime(iso: string): string {
  return dateTime.format(new Date(iso))
}

/** How long ago, as long as that says more than the date. */
export function formatAge(iso: string, now: number): string {
  const age = Math.max(0, now - Date.parse(iso))
  if (age < minuteMs) return 'just now'
  if (age < hourMs) return relative.format(-Math.floor(age / minuteMs), 'minute')
  if (age < dayMs) return relative.format(-Math.floor(age / hourMs), 'hour')
  if (age < 7 * dayMs) return relative.format(-Math.floor(age / dayMs), 'day')
  return dateTime.format(new Date(iso))
}

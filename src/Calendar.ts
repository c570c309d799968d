/**
 * The proleptic Gregorian calendar in whole numbers, exact for every year of Neo4j: a JavaScript Date ends in 275760.
 *
 * The arithmetic is that of http://howardhinnant.github.io/date_algorithms.html: years begin in March, so that the day
 * of a leap year is the last one, and repeat after 400 years, an era.
 *
 * @since 0.1.0
 */

const daysInEra = 146_097
// From 1 March 0000 to 1 January 1970.
const daysToEpoch = 719_468

const isLeap = (year: number): boolean => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)

/**
 * How many days a month has; months count from 1.
 *
 * @category calendar
 * @since 0.1.0
 */
export const daysInMonth = (year: number, month: number): number =>
  month === 2 ? (isLeap(year) ? 29 : 28) : month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31

/** A day of the calendar. @category models @since 0.1.0 */
export interface Day {
  readonly year: number
  readonly month: number
  readonly day: number
}

/**
 * Days since 1 January 1970.
 *
 * @category calendar
 * @since 0.1.0
 */
export const daysSinceEpoch = ({ day, month, year }: Day): number => {
  const marchYear = month > 2 ? year : year - 1
  const era = Math.floor(marchYear / 400)
  const yearOfEra = marchYear - era * 400
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * daysInEra + dayOfEra - daysToEpoch
}

/**
 * The day that is so many days after 1 January 1970.
 *
 * @category calendar
 * @since 0.1.0
 */
export const dayAt = (days: number): Day => {
  const shifted = days + daysToEpoch
  const era = Math.floor(shifted / daysInEra)
  const dayOfEra = shifted - era * daysInEra
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
  return {
    year: yearOfEra + era * 400 + (month > 2 ? 0 : 1),
    month,
    day: dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1,
  }
}

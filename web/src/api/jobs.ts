// Long work: started by other endpoints, watched and cancelled here.
import { events, get, send } from "./client";

export type JobState = "queued" | "running" | "done" | "failed" | "cancelled";

export interface Job<Result = unknown> {
  id: string;
  kind: string;
  state: JobState;
  progress: { done: number; total: number; stage: string; message: string };
  created_at: number;
  result: Result | null;
  error: string | null;
}

export const finished = (job: Job): boolean => job.state === "done" || job.state === "failed" || job.state === "cancelled";

export const jobs = (signal?: AbortSignal): Promise<Job[]> => get<Job[]>("/jobs", {}, signal);

export const cancelJob = (id: string): Promise<void> => send<void>("DELETE", `/jobs/${id}`);

/** Tells every change of a job; the answer is the job at its end. */
export async function follow<Result>(job: Job<Result>, tell: (job: Job<Result>) => void, signal?: AbortSignal): Promise<Job<Result>> {
  let last = job;
  tell(last);
  if (finished(last)) return last;
  for await (const { data } of events(`/jobs/${job.id}/events`, undefined, {}, signal)) {
    last = data as Job<Result>;
    tell(last);
    if (finished(last)) return last;
  }
  // The line was cut: what became of it is asked once.
  last = await get<Job<Result>>(`/jobs/${job.id}`, {}, signal);
  tell(last);
  return last;
}

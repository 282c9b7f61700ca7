//! The script of one job.

use super::shell::{broken, join, quote};
use super::{Cluster, Job, Starter, Work};

/// A job that was put back into the queue so often has no end; it stops instead.
const MOST_STARTS: u32 = 200;

/// The text of a script for `sbatch`.
pub fn script(job: &Job, cluster: &Cluster) -> String {
    let mut text = String::from("#!/bin/bash\n");
    let ranks = if cluster.gpus > 0 { "graphics cards, one rank a card" } else { "ranks on processors" };
    let machines = if cluster.nodes == 1 { "machine" } else { "machines" };
    text += &format!("# {}: {} {machines} with {} {ranks}; made by chexgen launch.\n", job.name, cluster.nodes, cluster.tasks);
    text += &options(job, cluster);
    text += "\nset -u\n";
    text += &environment(job, cluster);
    text += &format!(
        "\necho \"job $SLURM_JOB_ID, start ${{SLURM_RESTART_COUNT:-0}}, on $SLURM_JOB_NODELIST\"\n\
         if [ \"${{SLURM_RESTART_COUNT:-0}}\" -ge {MOST_STARTS} ]; then\n  \
         echo \"started {MOST_STARTS} times without an end; see whether it gets on at all\" >&2\n  exit 1\nfi\n\n"
    );
    text += &start(job, cluster);
    text += "\n# 3: asked to stop, everything is kept. Back into the queue; the same command goes on from there.\n\
             if [ \"$code\" = 3 ]; then\n  scontrol requeue \"$SLURM_JOB_ID\"\nfi\nexit \"$code\"\n";
    text
}

/// The lines that `sbatch` reads.
fn options(job: &Job, cluster: &Cluster) -> String {
    let mut text = String::new();
    let mut option = |name: &str, value: &str| text += &format!("#SBATCH --{name}={value}\n");
    option("job-name", &job.name);
    option("nodes", &cluster.nodes.to_string());
    // torchrun starts the ranks of its node.
    let tasks = if cluster.starter == Starter::Torchrun { 1 } else { cluster.tasks };
    option("ntasks-per-node", &tasks.to_string());
    option("cpus-per-task", &(cluster.cpus * cluster.tasks / tasks).to_string());
    if cluster.gpus > 0 {
        option("gpus-per-node", &cluster.gpus.to_string());
    }
    let told =
        [("mem", &cluster.memory), ("time", &cluster.time), ("partition", &cluster.partition), ("account", &cluster.account)];
    for (name, value) in told {
        if let Some(value) = value {
            option(name, value);
        }
    }
    option("output", "%x-%j.log");
    for more in &cluster.options {
        text += &format!("#SBATCH {more}\n");
    }
    text += "# A job that starts again goes on in the same log.\n#SBATCH --open-mode=append\n#SBATCH --requeue\n";
    let to = match cluster.starter {
        // mpirun is no step of Slurm: the script passes the signal on.
        Starter::Mpirun => "B:",
        Starter::Slurm | Starter::Torchrun => "",
    };
    text += &format!(
        "# So many seconds before the time is over, every rank is asked to stop.\n#SBATCH --signal={to}USR1@{}\n",
        cluster.warning_s
    );
    text
}

/// Variables and what the person adds.
fn environment(job: &Job, cluster: &Cluster) -> String {
    let mut text = String::new();
    if !cluster.setup.is_empty() {
        text += &format!("\n{}\n", cluster.setup.join("\n"));
    }
    if cluster.gpus > 0 && job.work == Work::Train {
        text += "\n\
                 # One way to sum, whatever the library would choose today: a training that goes on has the bits of one that was\n\
                 # never stopped.\n\
                 export NCCL_ALGO=Ring NCCL_PROTO=Simple\n\
                 # A link that is busy for a while is not a dead one: 4.2 s for each of seven tries instead of 1.\n\
                 export NCCL_IB_TIMEOUT=20\n\
                 # Faults of the network stand in the log, and nothing else. INFO tells which links are used.\n\
                 export NCCL_DEBUG=WARN\n\
                 # Where a node has several networks, name the one for the first contact: export NCCL_SOCKET_IFNAME=ib0\n";
    }
    text += "# Threads of a rank: its own cores, not those of the node.\nexport RAYON_NUM_THREADS=";
    text += &format!("{}\n", cluster.cpus);
    for (name, value) in &cluster.env {
        text += &format!("export {name}={}\n", quote(value));
    }
    text
}

/// The start of the ranks; leaves the exit code in `code`.
fn start(job: &Job, cluster: &Cluster) -> String {
    let mut program = Vec::new();
    if let Some(image) = &cluster.container {
        let image = image.to_string_lossy();
        let card = if cluster.gpus > 0 { " --nv" } else { "" };
        program.push(format!("apptainer exec{card} --bind \"$PWD\" --pwd \"$PWD\" {}", quote(&image)));
    }
    program.push(join(std::iter::once(cluster.program.as_str()).chain(job.args.iter().map(String::as_str))));
    match cluster.starter {
        Starter::Slurm => {
            let mpi = if cluster.gpus == 0 && job.work == Work::Train { " --mpi=pmix" } else { "" };
            let head = format!("srun --kill-on-bad-exit=1{mpi} --cpu-bind=cores --cpus-per-task=\"$SLURM_CPUS_PER_TASK\"");
            format!(
                "code=0\n# A rank that dies is named in the log, and the others are ended.\n{} || code=$?\n",
                broken(&head, &program)
            )
        }
        Starter::Torchrun => torchrun(cluster, &program),
        Starter::Mpirun => mpirun(job, cluster, &program),
    }
}

fn torchrun(cluster: &Cluster, program: &[String]) -> String {
    // Of the ranks' exit codes torchrun makes 1, and the signal would end it before them.
    let mut lines = vec![
        r#"bash -c 'trap "" USR1; exec "$@"' --"#.to_owned(),
        format!("torchrun --no-python --nnodes \"$SLURM_NNODES\" --nproc-per-node {} --max-restarts 0", cluster.tasks),
        "--rdzv-backend c10d --rdzv-endpoint \"$first:29400\" --rdzv-id \"$SLURM_JOB_ID.${SLURM_RESTART_COUNT:-0}\"".to_owned(),
        r#"bash -c '"$@"; code=$?; [ "$code" != 3 ] || : > "$STOPPED"; exit "$code"' --"#.to_owned(),
    ];
    lines.extend(program.iter().cloned());
    let head = "srun --kill-on-bad-exit=1 --cpu-bind=cores --cpus-per-task=\"$SLURM_CPUS_PER_TASK\"";
    format!(
        "first=$(scontrol show hostnames \"$SLURM_JOB_NODELIST\" | head -n 1)\n\
         # torchrun makes 1 of every exit code of its ranks, so a rank that was asked to stop leaves this file.\n\
         export STOPPED=\"$PWD/.stopped-$SLURM_JOB_ID\"\nrm -f \"$STOPPED\"\n\
         code=0\n# torchrun itself does not hear the signal; its ranks do. The quotes are for the inner bash.\n# shellcheck disable=SC2016\n{} || code=$?\n\
         if [ -e \"$STOPPED\" ]; then\n  rm -f \"$STOPPED\"\n  code=3\nfi\n",
        broken(head, &lines)
    )
}

fn mpirun(job: &Job, cluster: &Cluster, program: &[String]) -> String {
    let mut exported: Vec<&str> = vec!["RAYON_NUM_THREADS"];
    if cluster.gpus > 0 && job.work == Work::Train {
        exported.extend(["NCCL_ALGO", "NCCL_PROTO", "NCCL_IB_TIMEOUT", "NCCL_DEBUG"]);
    }
    exported.extend(cluster.env.iter().map(|(name, _)| name.as_str()));
    let mut lines = vec![
        format!("--map-by ppr:{}:node:PE={} --bind-to core", cluster.tasks, cluster.cpus),
        exported.iter().map(|name| format!("-x {name}")).collect::<Vec<_>>().join(" "),
    ];
    lines.extend(program.iter().cloned());
    format!(
        "# mpirun names a rank that dies and ends the others.\n{} &\nranks=$!\n\
         trap 'kill -USR1 \"$ranks\"' USR1\n\
         # A signal ends the waiting and not the ranks.\n\
         code=0\nwait \"$ranks\" || code=$?\n\
         while kill -0 \"$ranks\" 2>/dev/null; do\n  code=0\n  wait \"$ranks\" || code=$?\ndone\n",
        broken(&format!("mpirun -np {}", cluster.world()), &lines)
    )
}
